import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { python, testWithPackage } from "../python.ts";

const script = fileURLToPath(new URL("../../install.ps1", import.meta.url));

/** Prints every place that PowerShell's grammar does not take, and the commands that are called. */
const PARSE = `
import json, sys
import tree_sitter_powershell
from tree_sitter import Language, Parser
text = open(sys.argv[1], "rb").read()
problems, commands = [], []
def visit(node):
    if node.type == "ERROR" or node.is_missing:
        problems.append(f"line {node.start_point[0] + 1}")
    if node.type == "command_name":
        commands.append(node.text.decode())
    if node.type == "function_name":
        commands.append("def " + node.text.decode())
    for child in node.children:
        visit(child)
visit(Parser(Language(tree_sitter_powershell.language())).parse(text).root_node)
print(json.dumps({"problems": problems, "commands": commands}))
`;

/** What Windows PowerShell 5.1 has. */
const CMDLETS = [
  ...["Copy-Item", "Expand-Archive", "Get-ChildItem", "Get-Content", "Get-FileHash", "Join-Path"],
  ...["Invoke-WebRequest", "Move-Item", "New-Item", "Out-Null", "Remove-Item", "Set-Content"],
  ...["Test-Path", "Where-Object", "Write-Output", "Write-Verbose", "ConvertFrom-Json"],
];

testWithPackage(
  "install.ps1 is PowerShell, and calls what there is",
  "tree_sitter_powershell",
  async () => {
    const { problems, commands } = await python(PARSE, [script]) as {
      readonly problems: readonly string[];
      readonly commands: readonly string[];
    };
    assert.deepEqual(problems, []);
    const defined = commands.flatMap((name) => name.startsWith("def ") ? name.slice(4) : []);
    const called = commands.filter((name) => !/^def |^\$/.test(name));
    assert.ok(defined.includes("Install-Program") && called.includes("Get-FileHash"));
    assert.deepEqual(called.filter((name) => ![...defined, ...CMDLETS].includes(name)), []);
  },
);

Deno.test("install.ps1 is plain ASCII, which Windows PowerShell reads without a mark", async () => {
  const text = await Deno.readTextFile(script);
  assert.match(text.replaceAll("\n", " "), /^[ -~]*$/);
});
