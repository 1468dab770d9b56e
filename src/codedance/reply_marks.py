"""The marks with which models write thoughts, code, calls, answers and observations: one table, which everything else reads.

    Mark(Kind.THOUGHT, "<seed:think>", "</seed:think>", "Seed-OSS", "vllm seedoss_reasoning_parser")     # a new row

Blanks, capitals, full-width signs, attributes, doubled bars, and `_`, `-` or a blank between the words of a name make no
difference: `<tool_call>`, `< Tool Call >` and `＜tool-call＞` are one mark. In square brackets capitals do matter:
`x[think]` is code. Sources are files of public repositories, chat templates of the models, or papers.
Not covered: what follows from a mark, which `parse` and `calls` know; native tool calls, which arrive already cut out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What stands between two marks."""

    THOUGHT = "thought"
    CODE = "code"
    CALL = "call"
    PARAMETER = "parameter"
    """The value of a parameter inside of a call; `NAME` stands for the parameter's name."""
    ANSWER = "answer"
    BOX = "box"
    """An answer where nothing else of the reply is one."""
    OBSERVATION = "observation"
    """What only the environment may write."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One way to write a thing. `NAME` in it stands for any name."""

    kind: Kind
    open: str
    """Empty where the chat template writes it, so that a reply starts behind it."""
    close: str
    """Empty where nothing closes it."""
    who: str
    """Writes so."""
    source: str
    is_common_word: bool = False
    """Of an observation: it counts only where it closes, or behind code. So does one that nothing closes."""


def _family(kind: Kind, names: str, who: str, source: str, *, is_common_word: bool = False) -> tuple[Mark, ...]:
    """Tags that differ by their name only."""
    return tuple(Mark(kind, f"<{name}>", f"</{name}>", who, source, is_common_word) for name in names.split())


THINK = Mark(Kind.THOUGHT, "<think>", "</think>", "DeepSeek-R1, Qwen3, GLM, our prompts", "vllm qwen3_reasoning_parser")
CODE = Mark(
    Kind.CODE, "<code>", "</code>", "CodeDance, Thyme, PyVision, DeepEyesV2, our prompts", "CodeDance-VL/CodeDance eval.py"
)
TOOL_CALL = Mark(
    Kind.CALL, "<tool_call>", "</tool_call>", "Hermes, Qwen2.5 to Qwen3.6, GLM, our prompts", "vllm hermes_tool_parser"
)
ANSWER = Mark(Kind.ANSWER, "<answer>", "</answer>", "CodeDance, DeepEyes, Thyme, our prompts", "CodeDance-VL/CodeDance eval.py")

_THOUGHTS = (
    THINK,
    *_family(Kind.THOUGHT, "thinking", "Claude's prompts, Phi", "anthropic prompt guide; kelivo#450"),
    *_family(Kind.THOUGHT, "thought thoughts", "Gemini's OpenAI endpoint, Gemma, EXAONE Deep", "kelivo#450; EXAONE-Deep chat template"),
    *_family(Kind.THOUGHT, "reasoning reason", "LLaVA-CoT, GRPO examples", "PKU-YuanGroup/LLaVA-CoT; qwen-code!8818"),
    *_family(Kind.THOUGHT, "scratch_pad", "Hermes", "vllm hermes_tool_parser"),
    *_family(Kind.THOUGHT, "reflection analysis rationale chain_of_thought cot plan planning internal observe", "prompted chains of thought", "Reflection-Llama-3.1 chat template"),
    *_family(Kind.THOUGHT, "summary caption", "LLaVA-CoT", "PKU-YuanGroup/LLaVA-CoT"),
    Mark(Kind.THOUGHT, "<seed:think>", "</seed:think>", "Seed-OSS", "vllm seedoss_reasoning_parser"),
    *_family(Kind.THOUGHT, "longcat_think", "LongCat", "vllm longcat_reasoning_parser"),
    Mark(Kind.THOUGHT, "\u25c1think\u25b7", "\u25c1/think\u25b7", "Kimi-VL, Kimi-Dev", "open-compass/VLMEvalKit kimi_vl.py"),
    Mark(Kind.THOUGHT, "[THINK]", "[/THINK]", "Magistral, Ministral 3", "vllm mistral_reasoning_parser"),
    Mark(Kind.THOUGHT, "<|begin_of_thought|>", "<|end_of_thought|>", "Sky-T1, OpenThinker", "NovaSky-AI/SkyThought"),
    Mark(Kind.THOUGHT, "<|START_THINKING|>", "<|END_THINKING|>", "Command A", "vllm cohere_command_reasoning_parser"),
    Mark(Kind.THOUGHT, "<|inner_prefix|>", "<|inner_suffix|>", "Apertus", "vllm apertus_reasoning_parser"),
    Mark(Kind.THOUGHT, "<|channel|>analysis<|message|>", "<|end|>", "gpt-oss", "vllm gptoss_reasoning_parser"),
    Mark(Kind.THOUGHT, "", "[BEGIN FINAL RESPONSE]", "Apriel", "Apriel-1.6-15b-Thinker chat template"),
    Mark(Kind.THOUGHT, "<|channel>thought", "<channel|>", "Gemma 4", "vllm gemma4_reasoning_parser"),
    Mark(Kind.THOUGHT, "<unused94>thought", "<unused95>", "MedGemma", "public programs that strip the thoughts of MedGemma 1.5"),
)  # fmt: skip
_CODE = (
    CODE,
    *_family(Kind.CODE, "python py python_code tool_code", "Chameleon-like prompts, Gemini", "google tool_code examples"),
    *_family(
        Kind.CODE,
        "execute execute_python execute_python_code code_interpreter",
        "CodeAct, a tool's name as its tag",
        "arXiv 2402.01030, appendix E",
    ),
    *_family(Kind.CODE, "llm-code", "OpenMathInstruct", "NVIDIA/NeMo-Skills prompt config"),
    Mark(Kind.CODE, "<|action_start|><|interpreter|>", "<|action_end|>", "InternLM 2", "vllm internlm2_tool_parser"),
)
_CALLS = (
    TOOL_CALL,
    *_family(Kind.CALL, "tool_calls", "Hunyuan A13B, Jamba", "vllm hunyuan_a13b_tool_parser, jamba_tool_parser"),
    *_family(Kind.CALL, "function_call function_calls", "Claude's prompts, OLMo 3, DeepSeek", "vllm olmo3_tool_parser"),
    *_family(Kind.CALL, "TOOLCALL", "Nemotron Nano 2", "vllm nemotron_json_tool_parser"),
    *_family(Kind.CALL, "minimax:tool_call seed:tool_call longcat_tool_call", "MiniMax M2, Seed-OSS, LongCat", "vllm minimax_m2_tool_parser"),
    Mark(Kind.CALL, "<function=NAME>", "</function>", "Qwen3-Coder, Qwen3.5, Llama 3.1", "vllm qwen3coder_tool_parser"),
    Mark(Kind.CALL, "<invoke>", "</invoke>", "MiniMax M2, Claude's prompts", "vllm minimax_m2_tool_parser"),
    Mark(Kind.CALL, "<steptml:invoke>", "</steptml:invoke>", "Step 3", "vllm step3_tool_parser"),
    Mark(Kind.CALL, "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "Kimi K2", "vllm kimi_k2_tool_parser"),
    Mark(Kind.CALL, "<|tool_call_begin|>", "<|tool_call_end|>", "Kimi K2, DeepSeek V3, Step 3", "vllm kimi_k2_tool_parser"),
    Mark(Kind.CALL, "<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5ctool\u2581calls\u2581end\uff5c>", "DeepSeek V3, R1", "vllm deepseekv3_tool_parser"),
    Mark(Kind.CALL, "<\uff5cDSML\uff5ctool_calls>", "</\uff5cDSML\uff5ctool_calls>", "DeepSeek V4", "vllm deepseekv4_tool_parser"),
    Mark(Kind.CALL, "<\uff5cDSML\uff5cfunction_calls>", "</\uff5cDSML\uff5cfunction_calls>", "DeepSeek V3.2", "vllm deepseekv32_tool_parser"),
    Mark(Kind.CALL, "<\uff5cDSML\uff5cinvoke>", "</\uff5cDSML\uff5cinvoke>", "DeepSeek V3.2", "vllm deepseekv32_tool_parser"),
    Mark(Kind.CALL, "[TOOL_CALLS]", "", "Mistral, Pixtral, Magistral", "vllm mistral_tool_parser"),
    Mark(Kind.CALL, "<|python_tag|>", "", "Llama 3.1 to 3.3", "vllm llama_tool_parser"),
    Mark(Kind.CALL, "<|python_start|>", "<|python_end|>", "Llama 4", "vllm llama4_pythonic_tool_parser"),
    Mark(Kind.CALL, "<|action_start|><|plugin|>", "<|action_end|>", "InternLM 2", "vllm internlm2_tool_parser"),
    Mark(Kind.CALL, "<|START_ACTION|>", "<|END_ACTION|>", "Command A", "vllm cohere_command_tool_parser"),
    Mark(Kind.CALL, "<|tools_prefix|>", "<|tools_suffix|>", "Apertus", "vllm apertus_tool_parser"),
    Mark(Kind.CALL, "<|tool_call|>", "<|/tool_call|>", "Granite 3, Phi-4", "vllm granite_tool_parser"),
    Mark(Kind.CALL, "<|tool_call>", "<tool_call|>", "Gemma 4", "vllm gemma4_tool_parser"),
    Mark(Kind.CALL, "<start_function_call>", "<end_function_call>", "FunctionGemma", "vllm functiongemma_tool_parser"),
    Mark(Kind.CALL, "<|tool_call_start|>", "<|tool_call_end|>", "LFM2", "vllm lfm2_tool_parser"),
)  # fmt: skip
PARAMETERS = (
    Mark(Kind.PARAMETER, "<parameter=NAME>", "</parameter>", "Qwen3-Coder, Qwen3.5, Seed-OSS", "vllm qwen3coder_tool_parser"),
    Mark(Kind.PARAMETER, '<parameter name="NAME">', "</parameter>", "MiniMax M2, Claude's prompts", "vllm minimax_m2_tool_parser"),
    Mark(Kind.PARAMETER, '<steptml:parameter name="NAME">', "</steptml:parameter>", "Step 3", "vllm step3_tool_parser"),
    Mark(Kind.PARAMETER, '<\uff5cDSML\uff5cparameter name="NAME">', "</\uff5cDSML\uff5cparameter>", "DeepSeek V3.2", "vllm deepseekv32_tool_parser"),
    Mark(Kind.PARAMETER, "<arg_key>NAME</arg_key><arg_value>", "</arg_value>", "GLM-4.5 to 4.7, GLM-4.5V", "vllm glm4_moe_tool_parser"),
    Mark(Kind.PARAMETER, "<longcat_arg_key>NAME</longcat_arg_key><longcat_arg_value>", "</longcat_arg_value>", "LongCat", "vllm longcat_tool_parser"),
    Mark(Kind.PARAMETER, 'NAME:<|"|>', '<|"|>', "Gemma 4", "vllm gemma4_tool_parser"),
    Mark(Kind.PARAMETER, "NAME:<escape>", "<escape>", "FunctionGemma", "vllm functiongemma_tool_parser"),
)  # fmt: skip
_ANSWERS = (
    ANSWER,
    *_family(Kind.ANSWER, "final_answer", "smolagents-like prompts", "huggingface/smolagents prompts"),
    *_family(Kind.ANSWER, "conclusion", "LLaVA-CoT", "PKU-YuanGroup/LLaVA-CoT"),
)
BOXES = (
    Mark(Kind.BOX, "<|begin_of_box|>", "<|end_of_box|>", "GLM-4.1V, GLM-4.5V, GLM-4.6V", "zai-org/GLM-V README"),
    Mark(Kind.BOX, "\\boxed{", "}", "answers to mathematics", "huggingface/Math-Verify README"),
    Mark(Kind.BOX, "\\fbox{", "}", "answers to mathematics", "huggingface/Math-Verify README"),
)
_OBSERVATIONS = (
    *_family(Kind.OBSERVATION, "interpreter", "CodeDance, PyVision, ReTool, our prompts", "CodeDance-VL/CodeDance eval.py"),
    *_family(Kind.OBSERVATION, "tool_response tool_responses", "Hermes, Qwen, our prompts", "Qwen2.5 chat template"),
    *_family(Kind.OBSERVATION, "observation observations", "ReAct-like prompts", "ysymyth/ReAct"),
    *_family(Kind.OBSERVATION, "sandbox_output", "Thyme", "yfzhang114/Thyme utils.py"),
    *_family(Kind.OBSERVATION, "execution_result execution_results execution_output execution_error", "code agents", "gradion-ai/freeact prompts"),
    *_family(Kind.OBSERVATION, "llm-code-output code_output code_result", "OpenMathInstruct", "NVIDIA/NeMo-Skills prompt config"),
    *_family(Kind.OBSERVATION, "tool_result tool_results tool_output function_result function_results", "Claude's prompts, DeepSeek V4", "anthropic prompt guide"),
    *_family(Kind.OBSERVATION, "longcat_observation", "LongCat", "LongCat tokenizer"),
    *_family(Kind.OBSERVATION, "output outputs result results stdout stderr", "models without a format of their own", "yfzhang114/Thyme stored replies", is_common_word=True),
    *_family(Kind.OBSERVATION, "execution console terminal response returns obs env environment feedback information", "agents of other environments", "PeterGriffinJin/Search-R1 (information)", is_common_word=True),
    Mark(Kind.OBSERVATION, "<|observation|>", "", "GLM", "GLM-4.5V chat template"),
    Mark(Kind.OBSERVATION, "<\uff5ctool\u2581outputs\u2581begin\uff5c>", "<\uff5ctool\u2581outputs\u2581end\uff5c>", "DeepSeek V3", "DeepSeek-V3 chat template"),
    Mark(Kind.OBSERVATION, "<\uff5ctool\u2581output\u2581begin\uff5c>", "<\uff5ctool\u2581output\u2581end\uff5c>", "DeepSeek V3", "DeepSeek-V3 chat template"),
    Mark(Kind.OBSERVATION, "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "Mistral", "mistral-common"),
    Mark(Kind.OBSERVATION, "<|tool_response>", "<tool_response|>", "Gemma 4", "Gemma 4 chat template"),
    Mark(Kind.OBSERVATION, "<|start_header_id|>", "", "Llama 3, a turn made up", "Llama 3 chat template"),
    Mark(Kind.OBSERVATION, "<start_of_turn>", "", "Gemma, a turn made up", "Gemma 3 chat template"),
    Mark(Kind.OBSERVATION, "<|im_start|>", "", "ChatML, a turn made up", "Qwen2.5 chat template"),
)  # fmt: skip
SEPARATORS = ("<|tool_call_argument_begin|>", "<\uff5ctool\u2581sep\uff5c>", "[ARGS]", "[CALL_ID]", '<|"|>', "<escape>")
"""Marks inside of calls that say nothing by themselves."""
MARKS = (*_THOUGHTS, *_CODE, *_CALLS, *PARAMETERS, *_ANSWERS, *BOXES, *_OBSERVATIONS)
"""Every row."""

OUTPUT_FENCES = (
    "output",
    "text",
    "result",
    "results",
    "stdout",
    "stderr",
    "console",
    "terminal",
    "plaintext",
    "txt",
    "out",
    "log",
)
"""Labels of fences in which models invent an output, right behind code; so is a fence without a label. ToRA writes `output`
(microsoft/ToRA), Gemini `code_output`."""
OUTPUT_LABELS = (
    *(
        "Observation",
        "Output",
        "Outputs",
        "Result",
        "Results",
        "Printed output",
        "stdout",
        "Execution output",
        "Execution result",
    ),
    *("Code output", "Console output", "Tool output", "Tool result", "Tool response", "The output is", "The result is"),
    *("Human", "User", "System", "Tool", "Environment"),
    *(
        "\u8f93\u51fa",
        "\u8f93\u51fa\u7ed3\u679c",
        "\u8fd0\u884c\u7ed3\u679c",
        "\u6267\u884c\u7ed3\u679c",
        "\u7ed3\u679c",
        "\u89c2\u5bdf",
    ),
)
"""Words that announce an invented output or turn at the start of a line behind code, with a colon (ReAct: `Observation:`) or alone
in their line as a heading."""
THOUGHT_NAMES = r"\w{0,24}(?:think|thought|reason|reflect|monologue|scratchpad|deliberat|ponder|verification)\w{0,24}"
"""Names of tags that are no rows, but say that they hold thoughts."""
OBSERVATION_NAMES = (
    r"(?:tool|function|code|i?python|exec\w{0,8}|interpreter|jupyter|notebook|kernel|system|runtime|sandbox|program|script|cell|shell|console|env\w{0,9}){1,3}"
    r"(?:output|result|response|observation|log|error|return|feedback|stdout|stderr)s?"
)
"""The same for outputs; without blanks, bars and dashes."""


def any_of(marks: Iterable[str]) -> str:
    """A pattern for any of these marks as the table writes them, longest first; capitals matter in square brackets only."""
    ordered = sorted({mark for mark in marks if mark}, key=lambda mark: (-len(mark), mark))
    return "|".join(re.escape(mark) if mark.startswith("[") else f"(?i:{re.escape(mark)})" for mark in ordered)


_ENDS_ANY_MESSAGE = "<|end|>"
"""Closes a thought of gpt-oss, but stands behind every other message too: alone it says nothing."""
THOUGHT_START = re.compile(any_of(mark.open for mark in _THOUGHTS))
THOUGHT_END = re.compile(any_of(mark.close for mark in _THOUGHTS if mark.close != _ENDS_ANY_MESSAGE))
"""For texts that hold no code, such as an answer or a judgement; whole replies are read by `rollout.codec`."""
