import assert from "node:assert/strict";
import { isSkillSpecifier, openSkill, SKILLS } from "../../src/skills/mod.ts";
import { UserError } from "../../src/utils/errors.ts";

const ECHO = {
  name: "echo",
  description: "Says it again",
  levels: 2,
  generate: () => ({ history: [], prompt: "a", answer: "a" }),
  score: () => ({ correct: true, reason: "" }),
};

Deno.test("openSkill() finds those that are built in, with and without their scheme", async () => {
  for (const [name, skill] of Object.entries(SKILLS)) {
    assert.equal(await openSkill(`builtin:${name}`), skill);
    assert.equal(await openSkill(name), skill);
  }
});

Deno.test("openSkill() loads packages, URLs and files by their default export or `skill`", async () => {
  for (const specifier of ["npm:echo-skill@1", "https://example.org/echo.ts", "file:///echo.ts"]) {
    const asked: string[] = [];
    const load = (target: string) => {
      asked.push(target);
      return Promise.resolve(asked.length === 1 ? { default: ECHO } : { skill: ECHO });
    };
    for (let i = 0; i < 2; i++) assert.equal((await openSkill(specifier, { load })).name, "echo");
    assert.deepEqual(asked, [specifier, specifier]);
  }
});

Deno.test("openSkill() says in one line what is missing", async () => {
  const load = () => Promise.reject(new TypeError("Could not find npm package\n  at x"));
  const cases: readonly [string, Parameters<typeof openSkill>[1], RegExp][] = [
    ["builtin:chess", {}, /^Cannot find skill "builtin:chess": there are builtin:arithmetic/],
    [
      "npm:no-such",
      { load },
      /^Cannot load skill "npm:no-such": Could not find npm package; check/,
    ],
    ["./no-such.ts", { folder: "/no" }, /^Cannot load skill ".\/no-such.ts": there is no file/],
    ["npm:x", { load: () => Promise.resolve({}) }, /as a skill: it exports none; .*levels/],
    [
      "npm:x",
      { load: () => Promise.resolve({ default: { ...ECHO, levels: 0 } }) },
      /"levels" is no whole number/,
    ],
    [
      "npm:x",
      { load: () => Promise.resolve({ default: { ...ECHO, score: 1 } }) },
      /"score" is no function/,
    ],
  ];
  for (const [specifier, options, wanted] of cases) {
    await assert.rejects(openSkill(specifier, options), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, wanted);
      return !error.message.includes("\n");
    });
  }
});

Deno.test("isSkillSpecifier() takes schemes and files of code for skills", () => {
  for (const text of ["builtin:x", "npm:x", "./a.ts", "b.mjs", "https://x.org/s.js"]) {
    assert.ok(isSkillSpecifier(text), text);
  }
  for (const text of ["data.jsonl", "task.yaml", "gsm8k"]) assert.ok(!isSkillSpecifier(text), text);
});
