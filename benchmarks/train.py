"""Training beside its peers in one run, on the CPU: our GRPO beside TRL's GRPOTrainer, our SFT beside a plain torch loop.

    python benchmarks/train.py [--model FOLDER] [--steps 3] [--json FILE]

FOLDER holds a small model that has learnt to write code (the one that comes along, or a checkpoint of `codedance train`). Every
measurement is a process of its own, whose first step loads and warms up and does not count; the sides take turns.

GRPO: the same model, questions, group size, optimiser, sandbox, tokens of a reply, number of replies; float32 weights, on both
sides bfloat16 arithmetic where the processor has instructions for it, else float32. The tokens are what the model wrote, the
seconds those of whole steps, sampling and update. What differs:

- TRL asks its environment one call after the other; our rollouts share the sandbox.
- Where a group's rewards are all the same, we skip its update, which would be zero; TRL computes it. So ours also runs without.
- TRL's replies end with the end-of-turn token behind `</code>`, which it counts; ours end with `</code>`.
- A reply with neither code nor an answer ends TRL's rollout; we ask once more.
- TRL's questions and pictures are read before the clock starts. Its gradient checkpointing, on by default, is off.

SFT: the same examples and AdamW. The plain loop has its examples in memory before the clock starts; ours reads, cuts and collates
as it goes. Both count every token that is read, padding excluded. Not covered: accelerators, quality of what is learnt.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codedance.images import InputImage, PixelRule, load_input
from codedance.model import Message, Reply
from codedance.model.named import TINY
from codedance.rollout.codec import Action, Codec, observe
from codedance.rollout.settings import Format, Room, Settings
from codedance.sandbox import Limits
from codedance.sandbox.blocking import SyncSandbox, SyncSession
from codedance.tasks.synthetic import FAMILIES
from codedance.types import FinishReason, Task

if TYPE_CHECKING:
    from codedance.train.batch import Batch
    from codedance.train.grpo_recipe import GrpoRecipe
    from codedance.train.sft import SftRecipe

Block = dict[str, Any]

ROUNDS = 2
TAUGHT = tuple(name for name, family in FAMILIES.items() if not family.composite)
PROMPTS, SAMPLES = 8, 8
TRL_ROWS = 32
"""Of one forward pass of TRL's update: the fastest of 8, 16, 32 and 64."""
EXAMPLES = 56
"""Of one step of SFT."""
PLAIN_ROWS = 14
"""Of one forward pass of the plain loop: faster than 28 and 56."""
CODEC = Codec(Format.CODE_TAGS)
TEMPLATE = (  # that of the small model, with room for what TRL calls a tool
    "{% for message in messages %}{% if message['role'] != 'system' %}"
    "<|im_start|>{{ 'user' if message['role'] == 'tool' else message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['text'].startswith('\\n(input_image') %}{{ part['text'].partition(')\\n')[2] }}"
    "{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{% if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}"
    "<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement."""

    side: str
    tokens: int
    seconds: float

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.seconds


class Clock:
    """Counts from the end of the first step on."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._tokens = 0
        self._end = 0.0

    def tick(self, tokens: float) -> None:
        """A step is over."""
        self._end = time.perf_counter()
        if self._start is None:
            self._start = self._end
        else:
            self._tokens += round(tokens)

    def read(self, side: str) -> Figures:
        """What has passed."""
        assert self._start is not None
        return Figures(side, self._tokens, self._end - self._start)


def grpo_recipe(model: Path, steps: int) -> GrpoRecipe:
    """As in recipes/tiny-grpo.toml, in one process, with the reward that TRL's side can compute as well."""
    from codedance.train.grpo_recipe import GrpoRecipe, Questions
    from codedance.train.optimizer import OptimizerSettings
    from codedance.train.start import Start

    return GrpoRecipe(
        start=Start(path=model, device="cpu"),
        questions=Questions(families=TAUGHT),
        reward="outcome",
        steps=steps + 1,
        prompts=PROMPTS,
        samples=SAMPLES,
        decode_dtype="autocast",
        optimizer=OptimizerSettings(lr=2e-4, weight_decay=0.0),
        checkpoint_every=steps + 2,
    )


def grpo_ours(model: Path, steps: int, skips: bool) -> Figures:
    """By our loop; `skips`: groups without a difference are left out of the update."""
    from codedance.train.grpo import train_grpo
    from codedance.train.policy_loss import PolicySettings

    recipe = grpo_recipe(model, steps)
    if not skips:
        recipe = recipe.model_copy(update={"policy": PolicySettings(entropy=1e-9)})  # every token has a gradient then
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        train_grpo(recipe, Path(folder), lambda step, told: clock.tick(told["tokens"]))
    return clock.read("ours" if skips else "ours, no group skipped")


@dataclass(frozen=True, slots=True)
class Question:
    """A task, ready to be asked."""

    task: Task
    image: InputImage
    opening: list[Message]


class Environment:
    """One rollout in TRL's hands: a question and the session of its code, in the words of our own loop."""

    def __init__(self, box: SyncSandbox, questions: Sequence[Question], turns: int, rule: PixelRule) -> None:
        self._box = box
        self._questions = questions
        self._turns = turns
        self._rule = rule
        self._stack = ExitStack()
        self._session: SyncSession | None = None
        self._calls = 0

    def reset(self, question: int, **row: Any) -> list[Block]:
        """Take up a question; what the model is asked."""
        self._stack.close()
        self._session, self._calls = None, 0
        self._question = self._questions[question]
        return blocks(self._question.opening[-1])

    def python(self, code: str) -> list:  # type: ignore[type-arg]  # TRL makes a schema of these hints
        """Run a piece of Python.

        Args:
            code: what is run.
        """
        image = self._question.image
        if self._session is None:
            self._session = self._stack.enter_context(self._box.session([image.view.encoded], [image.original]))
        self._calls += 1
        observation = observe(self._session.run(code), Room(), self._rule)
        note = CODEC.last_turn() if self._calls == self._turns - 1 else ""
        return blocks(CODEC.response(Reply(text=""), Action(code=code), observation, note)[1])

    def _is_right(self, answer: str | None) -> bool:
        gold = self._question.task.answer
        return answer is not None and gold is not None and answer.strip().casefold() == gold.strip().casefold()


def blocks(message: Message) -> list[Block]:
    """A message's parts as transformers writes them."""
    return [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.pixels}
        for part in message.content
    ]


def outcome(completions: Sequence[Sequence[Block]], environments: Sequence[Environment], **_: Any) -> list[float]:
    """The reward `outcome`."""
    answers = [CODEC.parse(Reply(text=completion[-1]["content"])).answer for completion in completions]
    return [
        float(environment._is_right(answer)) - 0.2 * (answer is None)
        for answer, environment in zip(answers, environments, strict=True)
    ]


def prepare(processor: Any) -> None:
    """What TRL's tool loop needs to understand code tags and pictures that come back."""
    tokenizer, reader = processor.tokenizer, processor.image_processor
    to_features = reader.preprocess

    def preprocess(images: Any, **settings: Any) -> Any:
        return to_features(images, **{**settings, "return_tensors": "pt"})  # without torchvision it would give lists

    def parse(ids: Sequence[int], prefix: Any = None, tools: Any = None) -> Block:
        is_ended = ids[-1] == tokenizer.eos_token_id
        text = tokenizer.decode(ids[:-1] if is_ended else ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        action = CODEC.parse(Reply(text=text, finish_reason=FinishReason.STOP if is_ended else FinishReason.LENGTH))
        call = {"type": "function", "function": {"name": "python", "arguments": {"code": action.code}}}
        return {"role": "assistant", "content": text, "tool_calls": [call] if action.code is not None else []}

    reader.preprocess = preprocess
    processor.chat_template = TEMPLATE
    tokenizer.parse_response = parse
    tokenizer.response_template = {}  # it only has to be there
    tokenizer.padding_side = "left"


def ask(recipe: GrpoRecipe, rule: PixelRule) -> list[Question]:
    """All questions of a run, those that our loop draws, in its order."""
    from codedance.train.grpo import _Run
    from codedance.train.ranks import Ranks

    run = _Run(Ranks(), recipe, Path(), None)
    questions = []
    for task in (task for step in range(1, recipe.steps + 1) for task in run._draw(step)):
        image = load_input(task.images[0], rule)
        questions.append(Question(task, image, CODEC.opening(task.question, [image], recipe.turns, recipe.time_s)))
    return questions


def grpo_trl(model: Path, steps: int) -> Figures:
    """By TRL's GRPOTrainer with an environment_factory."""
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    warnings.simplefilter("ignore")
    import transformers

    from codedance.model.loading import load, vocabulary
    from codedance.model.processors import encode, pixel_rule

    trl: Any = import_module("trl")
    recipe = grpo_recipe(model, steps)
    processor, policy = load(model, "cpu", recipe.start.dtype)
    policy.set_attn_implementation(recipe.start.attention)
    rule = pixel_rule(processor)
    questions = ask(recipe, rule)
    ids = encode(processor, questions[0].opening)["input_ids"][0].tolist()
    prepare(processor)
    same = processor.apply_chat_template(
        [{"role": "user", "content": blocks(questions[0].opening[-1])}], add_generation_prompt=True, tokenize=True
    )
    assert same == [ids], "both sides must read the same question"
    clock = Clock()

    class Count(transformers.TrainerCallback):
        def on_log(self, *_: Any, **told: Any) -> None:
            length = told["logs"].get("completions/mean_length")  # without what the environment said
            if length is not None:
                clock.tick(length * PROMPTS * SAMPLES)

    prompts = [{"prompt": [{"role": "user", "content": ""}], "question": number} for number in range(len(questions))]
    with tempfile.TemporaryDirectory() as folder, SyncSandbox(Limits(time_s=recipe.time_s), slots=PROMPTS * SAMPLES) as box:
        trainer = trl.GRPOTrainer(
            model=policy,
            processing_class=processor,
            reward_funcs=outcome,
            args=trl.GRPOConfig(output_dir=folder, **trl_settings(recipe, policy, vocabulary(processor, policy).banned)),
            train_dataset=import_module("datasets").Dataset.from_list(prompts),
            environment_factory=lambda: Environment(box, questions, recipe.turns, rule),
            callbacks=[Count()],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    return clock.read("TRL")


def trl_settings(recipe: GrpoRecipe, policy: Any, banned: Any) -> dict[str, Any]:
    """Our recipe in TRL's words."""
    import torch

    from codedance.train.bfloat16 import is_fast

    return {
        "use_cpu": True,
        "bf16": is_fast(torch.device("cpu")),
        "gradient_checkpointing": False,
        "max_steps": recipe.steps,
        "num_generations": recipe.samples,
        "per_device_train_batch_size": TRL_ROWS,
        "gradient_accumulation_steps": recipe.prompts * recipe.samples // TRL_ROWS,
        "max_completion_length": policy.config.get_text_config().max_position_embeddings,  # of all replies together
        "generation_kwargs": {"max_new_tokens": recipe.max_tokens, "suppress_tokens": banned.nonzero()[:, 0].tolist()},
        "max_tool_calling_iterations": recipe.turns - 1,
        "temperature": recipe.temperature,
        "epsilon": recipe.policy.clip_low,
        "epsilon_high": recipe.policy.clip_high,
        "learning_rate": recipe.optimizer.lr,
        "lr_scheduler_type": "constant",
        "shuffle_dataset": False,
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
    }


def sft_recipe(model: Path, steps: int, processes: int) -> SftRecipe:
    """Conversations as in recipes/tiny-sft.toml, by AdamW."""
    from codedance.train.lessons import Stage
    from codedance.train.optimizer import OptimizerSettings
    from codedance.train.sft import SftRecipe
    from codedance.train.start import Start

    everything = Stage(
        kind="solve", steps=steps + 1, examples=EXAMPLES, pool=(steps + 1) * EXAMPLES, families=TAUGHT,
        easy=0.7, code_easy=0.45, code_hard=0.95,
    )  # fmt: skip
    return SftRecipe(
        start=Start(path=model, device="cpu", processes=processes),
        stages=(everything,),
        optimizer=OptimizerSettings(lr=1e-4),
        checkpoint_every=steps + 2,
    )


def write_lessons(model: Path, steps: int, book: Path) -> None:
    """The examples of all sides."""
    from codedance.model.loading import open_processor
    from codedance.train.lessons import Scribe, write_book
    from codedance.train.tiny import RULE

    recipe = sft_recipe(model, steps, 1)
    scribe = Scribe(open_processor(model), Settings(rule=RULE, turns=recipe.turns), recipe.stages, recipe.seed)
    write_book(scribe, recipe.stages, book, recipe.workers, lambda done, of: None)


def sft_ours(model: Path, steps: int, book: Path, processes: int) -> Figures:
    from codedance.train.sft import BOOK, train_sft

    clock = Clock()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / BOOK).symlink_to(book)
        train_sft(
            sft_recipe(model, steps, processes), Path(name), lambda step, told: clock.tick(told["tokens_per_s"] * told["seconds"])
        )
    return clock.read(f"ours, {processes} process{'es' if processes > 1 else ''}")


def sft_plain(model: Path, steps: int, book: Path, attention: str) -> Figures:
    """The loop that everybody writes first."""
    import torch
    from transformers import AutoModelForImageTextToText

    from codedance.model.loading import open_processor
    from codedance.train.bfloat16 import is_fast
    from codedance.train.lessons import Lessons
    from codedance.train.ranks import Ranks

    recipe = sft_recipe(model, steps, 1)
    learner: Any = AutoModelForImageTextToText.from_pretrained(
        model, dtype=torch.float32, attn_implementation=attention, local_files_only=True
    ).train()
    lessons = Lessons(open_processor(model), recipe.stages, book, Ranks(), seed=recipe.seed, batch_tokens=1)  # one by one
    settings = recipe.optimizer
    optimizer = torch.optim.AdamW(learner.parameters(), settings.lr, settings.betas, weight_decay=settings.weight_decay)
    clock = Clock()
    for batches in [padded(lessons[step].batches, step) for step in range(len(lessons))]:
        for batch in batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=is_fast(torch.device("cpu"))):
                loss = learner(**batch).loss / len(batches)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), settings.clip)
        optimizer.step()
        optimizer.zero_grad()
        clock.tick(sum(int(batch["attention_mask"].sum()) for batch in batches))
    return clock.read(f"plain loop, {attention}")


def padded(rows: list[Batch], seed: int) -> list[dict[str, Any]]:
    """Batches of a fixed number of rows as they come, with labels."""
    import torch

    random.Random(seed).shuffle(rows)
    batches = []
    for start in range(0, len(rows), PLAIN_ROWS):
        some = rows[start : start + PLAIN_ROWS]
        for row in some:
            ids = row.inputs["input_ids"]
            row.inputs["labels"] = torch.where(row.weights["weight"] != 0, ids, -100)
        longest = max(row.inputs["input_ids"].shape[1] for row in some)
        batch = {}
        for name in some[0].inputs:
            parts = [row.inputs[name] for row in some]
            if name in ("input_ids", "attention_mask", "mm_token_type_ids", "labels"):
                fill = -100 if name == "labels" else 0  # what is masked may be any token
                parts = [torch.nn.functional.pad(part, (0, longest - part.shape[1]), value=fill) for part in parts]
            batch[name] = torch.cat(parts)
        batches.append(batch)
    return batches


def in_own_process(work: Callable[..., Figures], *settings: object) -> Figures:
    """So that threads, memory and patched classes of one side do not reach the next."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        figures = pool.submit(work, *settings).result()
    sys.stderr.write(f"{figures.side}: {figures.tokens} tokens in {figures.seconds:.1f} s\n")
    return figures


def measure(works: Sequence[tuple[Callable[..., Figures], *tuple[object, ...]]]) -> list[list[Figures]]:
    """Each side's figures, round by round."""
    rounds = [[in_own_process(*work) for work in works] for _ in range(ROUNDS)]
    return [list(side) for side in zip(*rounds, strict=True)]


def table(sides: Sequence[Sequence[Figures]], num_ours: int) -> str:
    """Markdown; the first sides are ours and are held against the fastest of the others."""
    rates = [sum(one.tokens for one in side) / sum(one.seconds for one in side) for side in sides]
    peer = max(range(num_ours, len(sides)), key=lambda place: rates[place])
    lines = ["| | tokens | seconds | tokens/s | against the fastest peer | round by round |", "|---|---|---|---|---|---|"]
    for place, (side, rate) in enumerate(zip(sides, rates, strict=True)):
        tokens, seconds = sum(one.tokens for one in side), sum(one.seconds for one in side)
        ratios = [mine.rate / theirs.rate for mine, theirs in zip(side, sides[peer], strict=True)]
        held = f"{rate / rates[peer]:.2f}x | {', '.join(f'{ratio:.2f}x' for ratio in ratios)}" if place < num_ours else "|"
        lines.append(f"| {side[0].side} | {tokens} | {seconds:.1f} | {rate:.0f} | {held} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=TINY, help="folder of a small model that writes code")
    parser.add_argument("--steps", type=int, default=3, help="of GRPO in each of two rounds; of SFT twice as many")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    flags = parser.parse_args()
    model: Path = flags.model.resolve()
    if not (model / "config.json").is_file():
        parser.error(f"{model}: there is no model; name the folder of one with --model, such as runs/tiny-sft/model")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # before torch is loaded
    os.environ["TQDM_DISABLE"] = "1"
    with tempfile.TemporaryDirectory() as name:
        book, steps = Path(name), 2 * flags.steps
        loops = [(grpo_ours, model, flags.steps, skips) for skips in (True, False)]
        grpo = measure([*loops, (grpo_trl, model, flags.steps)])
        write_lessons(model, steps, book)
        lessons = [(sft_ours, model, steps, book, processes) for processes in (1, 2)]
        sft = measure([*lessons, *((sft_plain, model, steps, book, attention) for attention in ("sdpa", "eager"))])
    print(f"GRPO, {PROMPTS} questions x {SAMPLES} rollouts a step, tokens that the model wrote:\n\n{table(grpo, len(loops))}\n")
    print(f"SFT, {EXAMPLES} conversations a step, tokens that it read:\n\n{table(sft, len(lessons))}")
    if flags.json:
        told = {"grpo": [list(map(asdict, side)) for side in grpo], "sft": [list(map(asdict, side)) for side in sft]}
        flags.json.write_text(json.dumps({"cores": os.cpu_count(), **told}, indent=1))


if __name__ == "__main__":
    main()
