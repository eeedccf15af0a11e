#!/usr/bin/python3
"""Man pages and bash completion of the three programs, out of what they say with --help.

    help_pages.py BIN OUT --version 0.1.0 --date 2026-11-22
        BIN   the folder with acbd, acbctl and acb-verify
        OUT   gets man/ (from man/*.in beside this script) and completions/

Example: help_pages.py tree/bin tree --version 0.1.0 --date 2026-11-22
Exit status: 0 good, 1 a program's --help could not be read, 2 usage.
"""

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = {"acbd": 8, "acbctl": 1, "acb-verify": 1}
MAX_DEPTH = 4
OPTION_LINE = re.compile(r"^  (-\S.*?)(?:\s{2,}(.*))?$")
COMMAND_LINE = re.compile(r"^  ([a-z][a-z-]*)(?:\s{2,}(.*))?$")


class Problem(Exception):
    """Something is not as it should be; the text says what."""


@dataclass
class Help:
    """One command's --help, taken apart."""
    words: list
    about: str = ""
    usage: str = ""
    positionals: list = field(default_factory=list)  # (left, text)
    options: list = field(default_factory=list)      # (left, text)
    commands: list = field(default_factory=list)     # (name, text)
    footer: list = field(default_factory=list)       # lines
    below: list = field(default_factory=list)        # Help of each command


def text_of(program, words):
    done = subprocess.run([str(program), *words, "--help"], capture_output=True, text=True, check=False)
    if done.returncode != 0 or "Usage:" not in done.stdout:
        raise Problem(f"{program.name} {' '.join(words)} --help: exit {done.returncode}: {done.stderr.strip()[:200]}")
    return done.stdout


def parse(words, text):
    """CLI11's layout: about, Usage, sections 'Positionals:', 'Options:', 'Subcommands:', then the footer."""
    found, section = Help(words), "about"
    sections = {"Positionals:": "positionals", "Options:": "options", "Subcommands:": "commands"}
    for line in text.splitlines():
        if line.startswith("Usage:"):
            found.usage, section = line[len("Usage:"):].strip(), "after"
        elif line in sections and section != "footer":
            section = sections[line]
        elif section == "about":
            found.about = f"{found.about} {line.strip()}".strip()
        elif section in ("positionals", "options", "commands") and line.startswith("  "):
            add_row(getattr(found, section), section, line)
        elif line.strip() or section == "footer":
            section = "footer"
            found.footer.append(line)
    return found


def add_row(rows, section, line):
    pattern = {"options": OPTION_LINE, "commands": COMMAND_LINE}.get(section, re.compile(r"^  (\S.*?)(?:\s{2,}(.*))?$"))
    match = pattern.match(line) if not line.startswith("    ") else None
    if match:
        rows.append((match[1].strip(), (match[2] or "").strip()))
    elif rows:
        left, text = rows[-1]
        rows[-1] = (left, f"{text} {line.strip()}".strip())


def read(program, words=()):
    if len(words) > MAX_DEPTH:
        raise Problem(f"{program.name}: commands nest deeper than {MAX_DEPTH}: {' '.join(words)}")
    found = parse(list(words), text_of(program, list(words)))
    found.below = [read(program, [*words, name]) for name, _ in found.commands]
    return found


# --- roff -----------------------------------------------------------------------------------------


def roff(text):
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped


def rows_in_roff(rows):
    for left, text in rows:
        yield ".TP"
        yield f".B {roff(left)}"
        yield roff(text) if text else "\\&"


def in_roff(found, program):
    if found.words:
        yield f'.SS "{roff(" ".join([program, *found.words]))}"'
        yield roff(found.about)
    yield from rows_in_roff(found.positionals)
    yield from rows_in_roff([row for row in found.options if not found.words or "--help" not in row[0]])
    if found.footer:
        yield ".PP"
        yield ".nf"
        yield from (roff(line) for line in found.footer)
        yield ".fi"
    for below in found.below:
        yield from in_roff(below, program)


# --- bash -----------------------------------------------------------------------------------------


def words_after(found):
    flags = [flag for left, _ in found.options for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", left)]
    return [name for name, _ in found.commands] + sorted(set(flags))


def all_helps(found):
    yield found
    for below in found.below:
        yield from all_helps(below)


def completion(program, found):
    """A function that walks the command's words down to the last command named, and offers what may follow."""
    name = "_" + program.replace("-", "_")
    helps = list(all_helps(found))
    lines = [f"# Completion of {program} for bash; made from its --help.", f"{name}() {{",
             "  local word=${COMP_WORDS[COMP_CWORD]} path='' i",
             "  for ((i = 1; i < COMP_CWORD; i++)); do",
             '    case "$path ${COMP_WORDS[i]}" in']
    paths = [" " + " ".join(help_.words) for help_ in helps if help_.words]
    if paths:
        lines.append("      " + " | ".join(f'"{path}"' for path in paths) + ') path="$path ${COMP_WORDS[i]}" ;;')
    lines += ["    esac", "  done", "  local offered=''", '  case "$path" in']
    for help_ in helps:
        path = " " + " ".join(help_.words) if help_.words else ""
        lines.append(f'    "{path}") offered="{" ".join(words_after(help_))}" ;;')
    lines += ["  esac", "  COMPREPLY=($(compgen -W \"$offered\" -- \"$word\"))",
              "  # Nothing of ours begins so: a file.",
              "  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then COMPREPLY=($(compgen -f -- \"$word\")); fi",
              "}", f"complete -o filenames -F {name} {program}", ""]
    return "\n".join(lines)


def make(program, out, version, date):
    found = read(program)
    section = PAGES[program.name]
    page = (HERE / "man" / f"{program.name}.{section}.in").read_text(encoding="utf-8")
    for name, text in (("@DATE@", date), ("@VERSION@", version),
                       ("@HELP@", "\n".join(in_roff(found, program.name)))):
        page = page.replace(name, text)
    (out / "man" / f"{program.name}.{section}").write_text(page, encoding="utf-8")
    (out / "completions" / program.name).write_text(completion(program.name, found), encoding="utf-8")
    return len(list(all_helps(found)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--date", required=True)
    options = parser.parse_args()
    for folder in ("man", "completions"):
        (options.out / folder).mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        commands = make(options.bin / name, options.out, options.version, options.date)
        print(f"{name}: man page and completion of {commands} commands")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Problem, OSError) as problem:
        sys.exit(f"help_pages.py: {problem}")
