<#
.SYNOPSIS
Installs llm-training for the person who runs this: no administrator, nothing outside the chosen folder.

.DESCRIPTION
    irm https://<release>/install.ps1 | iex
    .\install.ps1 [-Dir FOLDER] [-Version VERSION] [-BaseUrl URL|FOLDER]
    .\install.ps1 -Uninstall [-Purge] [-Dir FOLDER]

The archive is checked against the release's SHA256SUMS, and the program in it must start, before anything that was
installed is replaced.

.PARAMETER Dir
Where the programs go; $env:LLM_TRAINING_INSTALL_DIR, else %LOCALAPPDATA%\Programs\llm-training.
.PARAMETER Version
This version rather than the newest.
.PARAMETER BaseUrl
Where the release's files lie; a folder on disk works too.
.PARAMETER Uninstall
Remove the programs and what they unpacked.
.PARAMETER Purge
With -Uninstall: also the user's data folder, with its models and runs.
#>
[CmdletBinding()]
param(
    [string]$Dir = $env:LLM_TRAINING_INSTALL_DIR,
    [string]$Version = '',
    [string]$BaseUrl = $env:LLM_TRAINING_BASE_URL,
    [switch]$Uninstall,
    [switch]$Purge
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue' # it takes most of the time of a download in Windows PowerShell
$DefaultBaseUrl = ''
$Links = [ordered]@{ 'llm-train' = 'train'; 'llm-daemon' = 'daemon'; 'llm-inference' = 'serve' }

function Get-Platform {
    if ($env:OS -ne 'Windows_NT') { throw 'install.ps1: this is not Windows: use install.sh' }
    # A 32-bit PowerShell says what the machine is in the second variable
    $arch = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
    # Windows on arm64 runs the executable for x64
    if ($arch -in 'AMD64', 'ARM64') { return 'windows-x64' }
    throw "install.ps1: there are no executables for $arch processors; run it with Deno from its source"
}

# Downloads a file, or copies it from a folder.
function Get-ReleaseFile([string]$From, [string]$To) {
    if ($From -match '^https?://') {
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
        Invoke-WebRequest -UseBasicParsing -Uri $From -OutFile $To
    } else {
        Copy-Item -LiteralPath ($From -replace '^file:///?', '') -Destination $To
    }
}

# Returns the folder of the release, whose checksums it puts into $Work.
function Find-Release([string]$Work) {
    $base = $BaseUrl.TrimEnd('/', '\')
    $sums = Join-Path $Work 'SHA256SUMS'
    if ($Version -eq '') {
        try { Get-ReleaseFile "$base/SHA256SUMS" $sums }
        catch { throw "install.ps1: cannot read the release at ${base}: $_; look at -BaseUrl and the network" }
        return $base
    }
    $tried = if ($base -match '/releases/latest/download$') {
        $base -replace '/latest/download$', "/download/v$Version"
    } else { "$base/v$Version" }
    try { Get-ReleaseFile "$tried/SHA256SUMS" $sums; return $tried } catch { Write-Verbose "$tried has no release: $_" }
    try {
        $manifest = Join-Path $Work 'manifest.json'
        Get-ReleaseFile "$base/manifest.json" $manifest
        Get-ReleaseFile "$base/SHA256SUMS" $sums
        $found = (Get-Content -Raw -LiteralPath $manifest | ConvertFrom-Json).version
    } catch { throw "install.ps1: cannot read the release at ${tried}: $_; look at -Version, -BaseUrl and the network" }
    if ($found -ne $Version) { throw "install.ps1: there is no version $Version at ${base}: its release is $found" }
    return $base
}

function Install-Program {
    if (-not $BaseUrl) {
        throw 'install.ps1: this copy comes from no release: give -BaseUrl, the address of the folder with its files'
    }
    $archive = "llm-training-$(Get-Platform).zip"
    $made = -not (Test-Path -LiteralPath $Dir)
    New-Item -ItemType Directory -Force -Path $Dir | Out-Null
    $work = Join-Path $Dir ".llm-training.$([Guid]::NewGuid().ToString('N'))"
    New-Item -ItemType Directory -Path $work | Out-Null
    try {
        $base = Find-Release $work
        $line = Get-Content -LiteralPath (Join-Path $work 'SHA256SUMS') | Where-Object { $_ -match "^[0-9a-f]{64}  $([regex]::Escape($archive))$" }
        if (-not $line) { throw "install.ps1: the release at $base has no $archive" }
        $expected = ([string]$line).Substring(0, 64)
        Write-Output "Downloading $base/$archive"
        $download = Join-Path $work $archive
        try { Get-ReleaseFile "$base/$archive" $download }
        catch { throw "install.ps1: cannot download $base/${archive}: $_; nothing was installed" }
        $found = (Get-FileHash -Algorithm SHA256 -LiteralPath $download).Hash.ToLowerInvariant()
        if ($found -ne $expected) {
            throw "install.ps1: $archive was damaged on its way (SHA-256 $found, expected $expected): nothing was installed, try again"
        }
        Expand-Archive -LiteralPath $download -DestinationPath (Join-Path $work 'files')
        $new = Join-Path $work 'files\llm-training.exe'
        $said = & $new --version
        if ($LASTEXITCODE -ne 0) { throw 'install.ps1: the program does not start here: nothing was installed' }
        $program = Join-Path $Dir 'llm-training.exe'
        # A program that runs can be renamed, not replaced
        Get-ChildItem -LiteralPath $Dir -Filter 'llm-training.exe.old*' | Remove-Item -Force -ErrorAction SilentlyContinue
        if (Test-Path -LiteralPath $program) {
            Move-Item -LiteralPath $program -Destination "$program.old$([Guid]::NewGuid().ToString('N'))"
        }
        Move-Item -LiteralPath $new -Destination $program
        # Links would need the rights of an administrator; what these files start is always the installed version
        foreach ($link in $Links.GetEnumerator()) {
            Set-Content -LiteralPath (Join-Path $Dir "$($link.Key).cmd") -Encoding Ascii -Value "@`"%~dp0llm-training.exe`" $($link.Value) %*"
        }
        $made = $false
        Write-Output "Installed llm-training $(@($said)[0] -replace '^llm-training ', '') in $Dir, also as $($Links.Keys -join ', ')"
    } finally {
        Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
        if ($made) { Remove-Item -LiteralPath $Dir -ErrorAction SilentlyContinue }
    }
    if (($env:PATH -split ';') -contains $Dir) { Write-Output 'Next: llm-training --help'; return }
    Write-Output "$Dir is not in your PATH; to add it for all that you start from now on:"
    Write-Output "    [Environment]::SetEnvironmentVariable('Path', [Environment]::GetEnvironmentVariable('Path', 'User') + ';$Dir', 'User')"
}

function Uninstall-Program {
    $program = Join-Path $Dir 'llm-training.exe'
    if (-not (Test-Path -LiteralPath $program)) { throw "install.ps1: there is no llm-training in ${Dir}: name its folder by -Dir" }
    foreach ($link in $Links.Keys) {
        Remove-Item -LiteralPath (Join-Path $Dir "$link.cmd") -Force -ErrorAction SilentlyContinue
    }
    Get-ChildItem -LiteralPath $Dir -Filter 'llm-training.exe*' | Remove-Item -Force
    if (-not (Get-ChildItem -LiteralPath $Dir -Force)) { Remove-Item -LiteralPath $Dir }
    # What the program unpacked, and what Deno remembers of its compiled code
    $data = Join-Path $env:LOCALAPPDATA 'llm-training'
    Remove-Item -LiteralPath (Join-Path $data 'cache') -Recurse -Force -ErrorAction SilentlyContinue
    Get-ChildItem -Path (Join-Path $env:TEMP 'deno-compile-llm-training*.cache') -ErrorAction SilentlyContinue | Remove-Item -Force
    Write-Output "Removed llm-training from $Dir"
    if (-not (Test-Path -LiteralPath $data)) { return }
    if ($Purge -or -not (Get-ChildItem -LiteralPath $data -Force)) { Remove-Item -LiteralPath $data -Recurse -Force; return }
    Write-Output "Your models and runs stay in $data; -Uninstall -Purge removes them too"
}

if (-not $Dir) { $Dir = Join-Path $env:LOCALAPPDATA 'Programs\llm-training' }
$Dir = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Dir)
if (-not $BaseUrl) { $BaseUrl = $DefaultBaseUrl }
$Version = $Version -replace '^v', ''
if ($Purge -and -not $Uninstall) { throw 'install.ps1: -Purge goes with -Uninstall' }
if ($Uninstall) { Uninstall-Program } else { Install-Program }
