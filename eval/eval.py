"""`codedance eval` with the flags of the released evaluation script, so that its users can switch.

    python eval/eval.py --model_name NAME --api_url http://127.0.0.1:8000/v1 --data_path vstar.parquet --save_path runs/vstar

The judge's endpoints come from LLM_AS_A_JUDGE_BASE, as there. Further flags go on to `codedance eval` as they are.
"""

from __future__ import annotations

import argparse
import os
import sys

from codedance.cli import main
from codedance.errors import CodeDanceError
from codedance.tasks import parse_source
from codedance.tasks.adapters import ADAPTERS
from codedance.tasks.readers import read_rows
from codedance.tasks.table import Row


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """Those of the released script, and the rest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--api_url", default="", help="one endpoint or several, separated by commas")
    parser.add_argument("--data_path", required=True, nargs="+")
    parser.add_argument("--save_path", required=True)
    parser.add_argument("--num_workers", type=int, default=16)
    parser.add_argument("--data_source", default="", help="of rows that do not say theirs: a layout such as vstar")
    parser.add_argument("--api_key", default="")
    parser.add_argument("--eval_model_name", default="", help="the judge's name; default: the first that its endpoint lists")
    return parser.parse_known_args()


def with_layout(path: str, source: str) -> str:
    """The path, with the layout in front where the rows do not name their source."""
    if source not in ADAPTERS:
        return path
    try:
        first = next(read_rows(parse_source(path)), None)
    except CodeDanceError:  # it is told again, and better, by what reads the file
        return path
    return f"{source}:{path}" if isinstance(first, Row) and not first.has("data_source") else path


def run() -> None:
    """Hand everything on."""
    given, rest = arguments()
    if given.api_key:
        os.environ["OPENAI_API_KEY"] = given.api_key
    words = ["eval", *(with_layout(path, given.data_source) for path in given.data_path), "--out", given.save_path]
    words += ["--model", f"openai:{given.model_name}", "--concurrency", str(given.num_workers)]
    words += ["--base-url", given.api_url] if given.api_url else []
    words += ["--judge-model", given.eval_model_name] if given.eval_model_name else []
    sys.argv = ["codedance", *words, *rest]
    main()


if __name__ == "__main__":
    run()
