"""What `.deny.toml` can't say about the dependencies: how many there are, and the oldest compiler they need (D4, D6)."""

import json
import subprocess
import sys

BUDGET = 103
# What `src` itself needs: `File::try_lock`. `clippy::incompatible_msrv` sees to it that it is no more.
OWN = (1, 89)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def compiled(*features):
    """The names of the packages that a user compiles, with default features and these."""
    named = ["--features", ",".join(features)] if features else []
    tree = output("cargo", "tree", "--locked", "-e", "normal", "--prefix", "none", "--no-dedupe", *named)
    return {line.split()[0] for line in tree.splitlines()[1:] if line}


def version(text):
    return tuple(int(part) for part in (text or "0").split("."))[:2]


def main():
    faults = []
    count = len(compiled())
    if count > BUDGET:
        faults.append(f"{count} packages, more than {BUDGET}")
    packages = json.loads(output("cargo", "metadata", "--format-version", "1", "--locked", "--all-features"))["packages"]
    own = next(package for package in packages if package["name"] == "adobe-ims")
    needed = max(OWN, *(version(package["rust_version"]) for package in packages if package is not own))
    if version(own["rust_version"]) != needed:
        faults.append(f"rust-version is {own['rust_version']}, but {'.'.join(map(str, needed))} is needed")
    print(f"{count} packages of at most {BUDGET}; Rust {own['rust_version']}")
    for feature in sorted(own["features"].keys() - {"default"}):
        print(f"  {feature}: {len(compiled(feature)) - count} more")
    sys.exit("\n".join(faults) or None)


main()
