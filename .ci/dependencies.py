"""What a user of the crate takes in: licences, sources, and the oldest compiler that all of it needs (D1, D6)."""

import json
import subprocess
import sys

LICENCES = {
    "MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "Zlib",
    "Unlicense", "Unicode-3.0", "CDLA-Permissive-2.0", "BSL-1.0", "OpenSSL",
}


def acceptable(expression):
    """Whether an SPDX expression can be met with LICENCES: `A OR (B AND C)`, with the old `A/B` for OR."""
    words = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ").split()
    python, licence = [], []

    def flush():
        if licence:
            python.append(str(" ".join(licence) in LICENCES))
            licence.clear()

    for word in words:
        if word in ("AND", "OR", "(", ")"):
            flush()
            python.append(word.lower())
        else:
            licence.append(word)
    flush()
    return eval(" ".join(python))  # noqa: S307, only True, False, and, or and brackets are left


def version(text):
    return tuple(int(part) for part in (text or "0").split("."))[:2]


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
    faults = []
    own = next(package for package in packages if package["name"] == "adobe-ims")
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if not package["license"] or not acceptable(package["license"]):
            faults.append(f"{name}: licence {package['license']}")
        if package is not own and not (package["source"] or "").startswith("registry+"):
            faults.append(f"{name}: source {package['source']}")
    needed = max(version(package["rust_version"]) for package in packages if package is not own)
    if version(own["rust_version"]) != needed:
        faults.append(f"rust-version is {own['rust_version']}, but dependencies need {'.'.join(map(str, needed))}")
    print(f"{len(packages)} packages with all features and tests, {len(faults)} faults")
    sys.exit("\n".join(faults) or None)


main()
