"""The commands: arguments in, printed text and exit codes out.

Each command imports what it needs when it runs, so that `--help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from evalbudget import __version__

DEFAULT_STORE = Path("results/evalbudget.duckdb")

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_store_option = click.option(
    "--db",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_STORE,
    show_default=True,
    help="The store; a run's journal lies beside it.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="evalbudget")
@click.option("--debug", is_flag=True, help="Show a traceback where something goes wrong.")
def cli(debug: bool) -> None:
    """What does a model's accuracy cost in tokens, memory and time?

    \b
    Example: evalbudget run quickstart
             evalbudget report
    """


@cli.command(short_help="Run or resume a suite.")
@click.argument("suite")
@_store_option
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N samples of each task.")
@click.option("--only", metavar="KEY=NAME,…", help="Only these models or tasks: model=A,task=B.")
@click.option("--resume", "resume", metavar="RUN", help="Go on with a run: its id, a part of it, or `last`.")
@_json_option
def run(suite: str, db: Path, limit: int | None, only: str | None, resume: str | None, as_json: bool) -> int:
    """Run SUITE, the path of a suite.yaml or the name of a shipped one; go on with it after an interruption.

    Every answer is durable in the run's journal before it counts, and in the store within seconds.
    Exit code: 0 done, 1 done but some attempts failed, 2 wrong input, 130 interrupted.

    \b
    Example: evalbudget run quickstart
             evalbudget run suite.yaml --limit 5 --only model=tiny-q4
             evalbudget run suite.yaml --resume last
    """
    from evalbudget.report.summary import print_run
    from evalbudget.wiring.execute import run_suite
    from evalbudget.wiring.prepare import Options

    ending = run_suite(suite, db, Options(limit=limit, only=only), resume=resume)
    print_run(db, ending.run_id, as_json=as_json)
    for line in ending.lines:
        click.echo(line, err=as_json)
    return ending.exit_code


@cli.command(short_help="What a suite would ask, without asking.")
@click.argument("suite")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N samples of each task.")
@click.option("--only", metavar="KEY=NAME,…", help="Only these models or tasks: model=A,task=B.")
@_json_option
def plan(suite: str, limit: int | None, only: str | None, as_json: bool) -> None:
    """Show what SUITE would send, without sending it: jobs, tokens, the smallest difference it can detect.

    \b
    Example: evalbudget plan suites/aime-embedded.yaml
    """
    from evalbudget.report.plan import print_plan
    from evalbudget.suite import hints
    from evalbudget.wiring.prepare import Options, prepare, read_suite

    prepared = prepare(read_suite(suite), Options(limit=limit, only=only))
    print_plan(prepared.rows, (*prepared.notes, *hints(prepared.suite)), as_json=as_json)


@cli.command(short_help="List the tasks, or show one.")
@click.argument("name", required=False)
@_json_option
def tasks(name: str | None, as_json: bool) -> None:
    """List the tasks, or show the task NAME (or the path of a task file) with its first prompt.

    \b
    Example: evalbudget tasks
             evalbudget tasks aime25
    """
    from evalbudget.report.tasks import print_task, print_tasks

    if name is None:
        print_tasks(as_json=as_json)
    else:
        print_task(name, as_json=as_json)


@cli.command(short_help="KV memory of a model, from its configuration.")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--tokens", type=click.IntRange(1, 10**12), help="Of one sequence.  [default: 32768 and its most]"
)
@click.option("--kv-dtype", metavar="TYPE", help="bf16, fp8, q8_0, …; q8_0/q4_0 for keys and values apart.")
@click.option("--memory", metavar="SIZE", help="Of one GPU, such as 24GiB: what fits beside the weights.")
@click.option("--weights", metavar="SIZE", help="Weights on that GPU, such as 13.5GiB.")
@click.option("--as", "wrong", metavar="READING", help="Beside it, the model read wrongly: mha, no-window, …")
@click.option("--tp", type=click.IntRange(1, 4096), default=1, help="GPUs that share each layer.")
@click.option("--block", type=click.IntRange(1, 65536), default=1, help="Tokens in a block: 16 on vLLM.")
@click.option(
    "--log", type=click.Path(path_type=Path), help="A server's log: what its cache takes beside it."
)
@_json_option
def kv(  # noqa: PLR0913 - one argument for each option
    config: Path,
    *,
    tokens: int | None,
    kv_dtype: str | None,
    memory: str | None,
    weights: str | None,
    wrong: str | None,
    tp: int,
    block: int,
    log: Path | None,
    as_json: bool,
) -> None:
    """What a model keeps of a sequence: CONFIG is a config.json, a folder with one, or a GGUF.

    \b
    Readings for --as, each as some engine once did:
      mha           latent or grouped attention taken for full attention
      mha-padded    the same, values padded to the width of keys
      head-dim      the latent taken for heads of qk_rope_head_dim
      latent-and-v  the latent kept twice, once more as values
      no-window     layers with a window keep every token

    \b
    Example: evalbudget kv GLM-4.7-Flash/config.json --as mha
             evalbudget kv model.gguf --kv-dtype q8_0 --memory 24GiB --weights 13.5GiB
             evalbudget kv config.json --log vllm.log
    """
    from evalbudget.kv import size_in_bytes
    from evalbudget.kv.sheet import Asked, kv_sheet
    from evalbudget.report.kv import print_kv
    from evalbudget.wiring.kv import cache_types, read_kv_model, reading, verdict_of_log

    if weights and not memory:
        raise click.UsageError("--weights says what --memory is shared with: give --memory, too")
    model = read_kv_model(config)
    asked = Asked(
        tokens=tokens,
        memory=size_in_bytes(memory) if memory else None,
        weights=size_in_bytes(weights) if weights else 0,
        tp=tp,
        block=block,
    )
    sheet = kv_sheet(str(config), model, cache_types(kv_dtype, model), asked, reading(wrong))
    verdict = None if log is None else verdict_of_log(log, model, kv_dtype, tp)
    print_kv(sheet, verdict, as_json=as_json)


@cli.command(short_help="What a server can and cannot do.")
@click.argument("target", metavar="SUITE|URL")
@click.option("--only", metavar="model=NAME,…", help="Of a suite: only these models.")
@click.option("--model", help="Of a URL: the model, where the server lists several.")
@click.option("--api-key-env", metavar="NAME", help="Of a URL: the NAME of the variable that holds the key.")
@_json_option
def doctor(
    target: str, *, only: str | None, model: str | None, api_key_env: str | None, as_json: bool
) -> int:
    """Ask each server of SUITE, or the one at URL, short questions, and say what works there.

    One line for each thing: works, partly, missing or unknown, what was seen, and the flag or the setting
    that mends it. It takes less than a minute a server; nothing is written into a store.

    \b
    Exit code: 0 every server was examined, whatever was found
               1 a server did not answer, or refused every question
               2 wrong input, 130 interrupted

    \b
    Example: evalbudget doctor http://localhost:8000/v1
             evalbudget doctor suite.yaml --only model=flash-bf16-kv
             evalbudget doctor https://api.example.com/v1 --model NAME --api-key-env MY_KEY
    """
    from evalbudget.report.doctor import DoctorView
    from evalbudget.wiring.doctor import examine_suite, examine_url, is_url

    if is_url(target) and only:
        raise click.UsageError("--only is for suites; --model names the model behind a URL")
    if not is_url(target) and (model or api_key_env):
        raise click.UsageError("--model and --api-key-env are for URLs; a suite says both itself")
    view = DoctorView(as_json=as_json)
    try:
        if is_url(target):
            examinations = examine_url(target, model, api_key_env, view)
        else:
            examinations = examine_suite(target, only, view)
    finally:
        view.close()
    return 1 if any(each.failure is not None for each in examinations) else 0


@cli.command(short_help="Score recorded replies.")
@click.argument("task")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the verdicts here.")
@click.option("--mode", help="How they were asked, where the task knows several ways: fc or prompt.")
def score(task: str, file: Path, out: Path | None, mode: str | None) -> None:
    """Score the replies in FILE against TASK, such as outputs of another tool.

    \b
    FILE holds JSON lines {"id", "answer", "reasoning"?, "tool_calls"?, "finish_reason"?};
    each becomes a line {"id", "score", "outcome", "extracted", "details"}.
    It may also be a samples_*.jsonl of lm-eval, a result file of BFCL, a run's journal.jsonl,
    or the attempts of `evalbudget export`. What the task's authors publish beyond the mean
    score, such as IFEval's four measures, comes at the end, on stderr.

    \b
    Example: evalbudget score aime25 replies.jsonl --out verdicts.jsonl
             evalbudget score bfcl_v3 BFCL_v3_simple_result.json --mode prompt
    """
    from evalbudget.report.words import measure_lines
    from evalbudget.tasks import TaskSettings
    from evalbudget.wiring.recorded import score_file, shown_while_made, summary

    verdicts = score_file(task, file, TaskSettings(mode=mode))
    with click.open_file(str(out or "-"), "w", encoding="utf-8") as sink:
        for verdict in shown_while_made(verdicts, to_file=out is not None):
            click.echo(verdict.json_line(), file=sink)
    click.echo(summary(verdicts), err=True)
    for line in measure_lines(verdicts.measures()):
        click.echo(line, err=True)


@cli.command(short_help="Look for loops in recorded replies.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the verdicts here.")
def loops(file: Path, out: Path | None) -> None:
    """Run the loop detector over the replies in FILE.

    \b
    FILE holds JSON lines {"id", "text" or "reasoning"+"answer", "finish_reason"?}; each becomes
    a line {"id", "kind", "doom", "onset_char", "period", "repeats", "wasted_tokens", ...}.

    \b
    Example: evalbudget loops replies.jsonl --out loops.jsonl
    """
    from collections import Counter

    from evalbudget.datasets.local import read_text
    from evalbudget.reasoning.loops import loops_of_lines

    found = Counter[str]()
    with click.open_file(str(out or "-"), "w", encoding="utf-8") as sink:
        for each in loops_of_lines(read_text(file), str(file)):
            found["doom" if each.verdict.doom else "no doom"] += 1
            click.echo(each.json_line(), file=sink)
    click.echo(f"{found.total()} replies: {found['doom']} end in a doom loop", err=True)


@cli.command(short_help="Accuracy, tokens and failures of a run.")
@click.argument("run", required=False)
@_store_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "html", "json"]),
    default="terminal",
    show_default=True,
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write Markdown, HTML or JSON to this file instead of printing it.",
)
@click.option("--curve", is_flag=True, help="Draw accuracy over the budget of thinking, in the terminal.")
@_json_option
def report(run: str | None, *, db: Path, form: str, out: Path | None, curve: bool, as_json: bool) -> None:
    """Report on RUN: its id, a part of it, or `last`, the default.

    HTML is one file with its charts inside, to be opened, sent, printed or put on a site: it loads nothing.
    Markdown begins with what a model card needs.

    \b
    Example: evalbudget report
             evalbudget report --format html --out report.html
             evalbudget report last --format markdown > table.md
             evalbudget report --curve
    """
    from evalbudget.report.summary import print_curve, print_report

    if out and form == "terminal" and not as_json:
        raise click.UsageError("--out is for --format markdown, html or json")
    if curve and (as_json or form != "terminal"):
        raise click.UsageError(
            "--curve draws in the terminal; without it, every format has the curves' figures"
        )
    if curve:
        print_curve(db, run)
    else:
        print_report(db, run, "json" if as_json else form, out)


@cli.command(short_help="Two models or two runs on the same questions.")
@click.argument("base")
@click.argument("candidate")
@_store_option
@click.option("--task", help="Only this task.  [default: every task that both have]")
@click.option("--margin", type=float, default=2.0, help="Points that no worse may be lower.  [default: 2]")
@click.option("--gate", is_flag=True, help="Exit code 1 unless every task is shown no worse.")
@click.option("--target", type=click.Choice(["benchmark", "questions"]), help="What the verdict is about.")
@click.option("--budget", metavar="N|unlimited", help="At which budget.  [default: the largest of both]")
@click.option("--run", metavar="RUN", help="The run that both are of.  [default: the newest with both]")
@click.option("--format", "form", type=click.Choice(["terminal", "markdown", "json"]), default="terminal")
@_json_option
def compare(  # noqa: PLR0913 - one argument for each option
    base: str,
    candidate: str,
    *,
    db: Path,
    task: str | None,
    margin: float,
    gate: bool,
    target: Literal["benchmark", "questions"] | None,
    budget: str | None,
    run: str | None,
    form: str,
    as_json: bool,
) -> int:
    """Say in a sentence and a table how CANDIDATE differs from BASE on the questions that both answered.

    Each is a model's label, a quantization, a run (its id, a part of it, `last`) or RUN:MODEL; two runs are
    compared model by model. Name the margin before you look.

    \b
    Targets: benchmark  these very questions, were they answered without end; the default for
                        quantizations of one family and for one model in two runs
             questions  questions like these; the default for two models, and where each
                        question was answered once
    \b
    Exit code: 0 done; with --gate: every task is shown no worse by the margin
               1 with --gate: some task is lower, or has not enough answers to tell
               2 wrong input, or nothing to compare
    \b
    Example: evalbudget compare bf16 nvfp4
             evalbudget compare 20261120 last --task aime25 --margin 1
             evalbudget compare bf16 nvfp4 --format markdown >> "$GITHUB_STEP_SUMMARY"
    \b
    In a CI pipeline, with the run of the released model kept in the store:
             evalbudget run suite.yaml && evalbudget compare RELEASED_RUN last --margin 2 --gate
    """
    from evalbudget.report.comparison.command import Options, print_compared

    options = Options(task=task, margin=margin, target=target, budget=budget, run=run, gate=gate)
    return print_compared(db, base, candidate, options, "json" if as_json else form)


@cli.command(short_help="Write a run's tables as CSV or Parquet.")
@click.argument("run", required=False)
@_store_option
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder.")
@click.option("--include-private", is_flag=True, help="With the texts of private tasks, such as GPQA's.")
def export(run: str | None, db: Path, form: str, out: Path, include_private: bool) -> None:
    """Write runs, servers, attempts, readings and cells, one file each; of every run, or of RUN alone.

    Attempts of private tasks, such as GPQA's, come without prompt, thinking, answer and error, as the
    authors of the data ask.

    \b
    Example: evalbudget export --format parquet --out tables
             evalbudget export last --format csv --out tables
    """
    from evalbudget.store.export import export_tables

    for path, rows in export_tables(db, run, form, out, include_private=include_private):
        click.echo(f"{path}  {rows} rows")


@cli.command(short_help="Open the dashboard on 127.0.0.1.")
@_store_option
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
def dashboard(db: Path, port: int) -> int:
    """Serve the dashboard of a store on 127.0.0.1 until Ctrl-C; it follows runs that are going on.

    \b
    Example: evalbudget dashboard --db results/evalbudget.duckdb --port 8600
    """
    from evalbudget.wiring.dashboard import serve

    click.echo(f"http://127.0.0.1:{port}  (Ctrl-C ends it)")
    return serve(db, port)
