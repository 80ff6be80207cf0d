"""README.md and the front page of the documentation are one text: checks it, or writes it into the README.

The original is src/lib.rs. The only differences are hidden lines of its examples, the annotations of its code
blocks, and where its links lead.
"""

import re
import sys

BEGIN, END = "<!-- front page: written by .ci/front_page.py from src/lib.rs -->\n", "<!-- end of the front page -->\n"
DOCS = "https://docs.rs/adobe-ims/latest/adobe_ims/"
ENUMS, TRAITS = {"Credentials", "ErrorKind"}, {"TokenSource", "TokenStore"}


def front_page():
    with open("src/lib.rs", encoding="utf-8") as file:
        lines = [line[4:] if len(line) > 4 else "\n" for line in file if line.startswith("//!")]
    out, in_code = [], False
    for line in lines:
        if line.startswith("```"):
            in_code = not in_code
            line = "```rust\n" if in_code else "```\n"
        elif in_code and (line.startswith("# ") or line.strip() == "#"):
            continue
        elif not in_code and line.startswith("# "):
            line = "#" + line
        out.append(line)
    text = re.sub(r"\[(`[A-Za-z]+`)\]\(std::[a-zA-Z:]+\)", r"\1", "".join(out))
    return re.sub(r"\[([^\]]+)\]\((\w+(::\w+)*)\)", lambda link: f"[{link[1]}]({address(link[2])})", text)


def address(path):
    """Where the documentation of a type, a method or a module is."""
    first, *rest = path.split("::")
    if not first[0].isupper():
        return DOCS + "/".join([first, *rest]) + "/index.html"
    kind = "enum" if first in ENUMS else "trait" if first in TRAITS else "struct"
    return f"{DOCS}{kind}.{first}.html" + "".join(f"#method.{name}" for name in rest)


def link_targets(text):
    names = sorted(set(re.findall(r"\[`([A-Z]\w+(?:::\w+)*)`\](?!\()", text)))
    return "".join(f"[`{name}`]: {address(name)}\n" for name in names)


def main():
    with open("README.md", encoding="utf-8") as file:
        readme = file.read()
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    tail = re.sub(r"(?m)^\[`.*`\]: .*\n", "", tail).rstrip("\n") + "\n\n"
    written = head + BEGIN + front_page() + END + tail
    written += link_targets(written)
    if "--write" in sys.argv:
        with open("README.md", "w", encoding="utf-8") as file:
            file.write(written)
    elif written != readme:
        sys.exit("README.md differs from the front page: python3 .ci/front_page.py --write")


main()
