"""README.md and the front page of the documentation tell one story: checks it, or writes it into the README.

What stands in src/lib.rs is the original. Hidden lines of its examples, the annotations of its code blocks and the
flow in plain characters (the README has a picture) are the only differences.
"""

import re
import sys

BEGIN, END = "<!-- front page: written by .ci/front_page.py from src/lib.rs -->\n", "<!-- end of the front page -->\n"


def front_page():
    with open("src/lib.rs", encoding="utf-8") as file:
        lines = [line[4:] if len(line) > 4 else "\n" for line in file if line.startswith("//!")]
    out, fence = [], None
    for line in lines:
        if line.startswith("```"):
            fence = None if fence is not None else line[3:].strip()
            if fence is not None and fence != "text":
                line = "```rust\n"
            elif fence is None and skip_text:
                skip_text = False
                continue
            skip_text = fence == "text"
            if skip_text:
                out.append(FLOW)
                continue
        elif fence == "text":
            continue
        elif fence is not None and (line.startswith("# ") or line.strip() == "#"):
            continue
        elif fence is None and line.startswith("# "):
            line = "#" + line
        out.append(line)
    text = "".join(out)
    return re.sub(r"\[(`[A-Za-z]+`)\]\(std::[a-zA-Z:]+\)", r"\1", text)


FLOW = """```mermaid
flowchart LR
    file[service_token.json] --> credentials[ServiceCredentials] --> signer[JwtSigner] -- Assertion --> post
    caller -- "ImsClient::token()" --> cache{cache}
    cache -- "fresh: at once" --> caller
    cache -- "ageing: at once, renewal beside" --> post
    cache -- "spent: join the one flight" --> post["POST /ims/exchange/jwt<br>again, if that may help"]
    post -- "Token, or Error with a hint" --> cache
```
"""


def main():
    with open("README.md", encoding="utf-8") as file:
        readme = file.read()
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    written = head + BEGIN + front_page() + END + tail
    if "--write" in sys.argv:
        with open("README.md", "w", encoding="utf-8") as file:
            file.write(written)
    elif written != readme:
        sys.exit("README.md differs from the front page: python3 .ci/front_page.py --write")


main()
