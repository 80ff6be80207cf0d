"""Of other crates, what is public shows types of `http` only, and others' where the feature is named for them (D7).

Reads rustdoc's JSON, which has every signature, bound and trait that a user can see, re-exported or aliased or not.
"""

import json
import os
import subprocess
import sys

ALLOWED = {"adobe_ims", "alloc", "core", "std", "http"}
EXCEPTIONS = {"configure_http": {"reqwest"}}
# Whole files, behind the feature that is named for the crate.
SKINS = {
    "src/middleware/reqwest.rs": {"reqwest", "reqwest_middleware"},
    "src/middleware/tower.rs": {"tower_layer", "tower_service"},
}
TARGET = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "public-types")


def documented():
    command = "cargo rustdoc --quiet --locked --lib --all-features".split()
    command += ["--target-dir", TARGET, "--", "-Zunstable-options", "--output-format", "json"]
    # The one unstable thing in CI. In a folder of its own: build scripts look at the variable.
    subprocess.run(command, check=True, env={**os.environ, "RUSTC_BOOTSTRAP": "1"})
    with open(os.path.join(TARGET, "doc", "adobe_ims.json"), encoding="utf-8") as file:
        return json.load(file)


def named(value):
    """The ids of all types and traits that this part of an item names."""
    if isinstance(value, list):
        for part in value:
            yield from named(part)
    elif isinstance(value, dict):
        if "id" in value and "path" in value:
            yield str(value["id"])
        for part in value.values():
            yield from named(part)


def is_ours(item):
    """Not what the compiler or a blanket implementation elsewhere adds to every type."""
    implementation = item["inner"].get("impl") or {}
    return item["crate_id"] == 0 and not implementation.get("blanket_impl") and not implementation.get("is_synthetic")


def main():
    api = documented()
    crates = {int(number): crate["name"] for number, crate in api["external_crates"].items()} | {0: "adobe_ims"}
    items = [item for item in api["index"].values() if is_ours(item)]
    seen, faults = set(), []
    for item in items:
        for identity in named(item["inner"]):
            path = api["paths"].get(identity)
            crate = crates[path["crate_id"]] if path else "adobe_ims"
            seen.add(crate)
            file = (item["span"] or {}).get("filename")
            if crate not in ALLOWED | EXCEPTIONS.get(item["name"], set()) | SKINS.get(file, set()):
                faults.append(f"{item['name'] or 'an implementation'} in {file}: {'::'.join(path['path'])}")
    # A format that this does not understand has nothing to show.
    if not {"std", "http"} <= seen:
        faults.append(f"format {api['format_version']} of rustdoc's JSON is not understood: saw {sorted(seen)}")
    print(f"{len(items)} public items name types of {', '.join(sorted(seen))}")
    sys.exit("\n".join(sorted(set(faults))) or None)


main()
