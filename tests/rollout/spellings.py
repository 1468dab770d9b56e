"""Replies in the spellings of other models, and what a sentence only names: a second table for test_parse.py.

Each row: a name, the reply, and what must be read, as in `replies`.
"""

from __future__ import annotations

from codedance.types import Repair
from rollout.replies import LENGTH, Row

ARGUMENTS = '{"code": "print(1)"}'
JSON = f'{{"name": "execute_python_code", "arguments": {ARGUMENTS}}}'
OTHER = {Repair.OTHER_FORMAT}
BROKEN = {Repair.MISREAD_JSON}
FENCE = {Repair.MISSING_FENCE}
BEHIND = {Repair.TEXT_AFTER_ACTION}
FORGED = {Repair.TEXT_AFTER_ACTION, Repair.FORGED_OBSERVATION}
BOX = {Repair.UNTAGGED_ANSWER}
BAR, GAP = "\uff5c", "\u2581"


def _xml(code: str, name: str = "execute_python_code", parameter: str = "code") -> str:
    return f"<function={name}>\n<parameter={parameter}>\n{code}\n</parameter>\n</function>"


def _deepseek(*words: str) -> str:
    return f"<{BAR}tool{GAP}{GAP.join(words)}{BAR}>"


DSML = "".join(f"<{BAR}DSML{BAR}{tag}>" for tag in ("function_calls", 'invoke name="x"', 'parameter name="code" string="true"'))
DSML += "print(1)" + "".join(f"</{BAR}DSML{BAR}{name}>" for name in ("parameter", "invoke", "function_calls"))

CALLS = [
    Row("Qwen3-Coder", f"<tool_call>\n{_xml('print(1)')}\n</tool_call>", code="print(1)", repairs=OTHER),
    Row("Qwen3-Coder without its wrapper", _xml("print(1)"), code="print(1)", repairs=OTHER),
    Row("Qwen3-Coder, cut in the value", "<tool_call>\n<function=x>\n<parameter=code>\nprint(1)\n", code="print(1)", repairs=OTHER),
    Row("Qwen3-Coder, the mark in a string", "<tool_call>" + _xml('print("</parameter>")') + "</tool_call>", code='print("</parameter>")', repairs=OTHER),
    Row("Qwen3-Coder, two calls", f"<tool_call>{_xml('a = 1')}{_xml('print(a)')}</tool_call>", code="a = 1\nprint(a)", repairs=OTHER | {Repair.SEVERAL_BLOCKS}),
    Row("Qwen3-Coder, other names", f"<tool_call>{_xml('print(1)', 'python', 'snippet')}</tool_call>", code="print(1)", repairs=OTHER),
    Row("Qwen3-Coder, cut at the token limit", "<tool_call>\n<function=x>\n<parameter=code>\nprint(1", repairs=OTHER, problem="cut off at the token limit", finish=LENGTH),
    Row("GLM", "<tool_call>execute_python_code\n<arg_key>code</arg_key>\n<arg_value>print(1)</arg_value>\n</tool_call>", code="print(1)", repairs=OTHER),
    Row("GLM, cut by a stop text", "<tool_call>x\n<arg_key>code</arg_key>\n<arg_value>print(1)", code="print(1)", repairs=OTHER),
    Row("MiniMax", '<minimax:tool_call>\n<invoke name="x">\n<parameter name="code">print(1)</parameter>\n</invoke>\n</minimax:tool_call>', code="print(1)", repairs=OTHER),
    Row("Step 3", '<steptml:invoke name="x"><steptml:parameter name="code">print(1)</steptml:parameter></steptml:invoke>', code="print(1)", repairs=OTHER),
    Row("Seed", f"<seed:tool_call>\n{_xml('print(1)')}\n</seed:tool_call>", code="print(1)", repairs=OTHER),
    Row("Kimi", f"<|tool_calls_section_begin|><|tool_call_begin|>functions.execute_python_code:0<|tool_call_argument_begin|>{ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>", code="print(1)", repairs=OTHER),
    Row("Kimi without its special tokens", f"functions.execute_python_code:0{ARGUMENTS}", code="print(1)", repairs=BROKEN),
    Row("DeepSeek V3.1", f"{_deepseek('call', 'begin')}x{_deepseek('sep')}{ARGUMENTS}{_deepseek('call', 'end')}", code="print(1)", repairs=OTHER),
    Row("DeepSeek with plain bars and blanks", f"<|tool call begin|>x<|tool sep|>{ARGUMENTS}<|tool call end|>", code="print(1)", repairs=OTHER),
    Row("DeepSeek V3.2", DSML, code="print(1)", repairs=OTHER),
    Row("Mistral", f"[TOOL_CALLS][{JSON}]", code="print(1)", repairs=OTHER),
    Row("Mistral, newer", f"[TOOL_CALLS]execute_python_code[ARGS]{ARGUMENTS}", code="print(1)", repairs=OTHER),
    Row("Llama, JSON", '<|python_tag|>{"name": "x", "parameters": {"code": "print(1)"}}<|eom_id|>', code="print(1)", repairs=OTHER),
    Row("Llama, plain code", "<|python_tag|>print(1)<|eom_id|>", code="print(1)", repairs=OTHER | BROKEN),
    Row("Llama, pythonic", '[execute_python_code(code="print(1)")]', code="print(1)", repairs=OTHER),
    Row("Llama, pythonic with raw lines", '[execute_python_code(code="a = 1\nprint("x")")]', code='a = 1\nprint("x")', repairs=OTHER | BROKEN),
    Row("Llama 4", '<|python_start|>[python(code="print(1)")]<|python_end|>', code="print(1)", repairs=OTHER),
    Row("Llama 3.1", f"<function=execute_python_code>{ARGUMENTS}</function>", code="print(1)", repairs=OTHER),
    Row("Gemma 4", '<|tool_call>call:x{code:<|"|>print(1)<|"|>}<tool_call|>', code="print(1)", repairs=OTHER),
    Row("FunctionGemma", "<start_function_call>call:x{code:<escape>print(1)<escape>}<end_function_call>", code="print(1)", repairs=OTHER),
    Row("Hunyuan", f"<tool_calls>[{JSON}]</tool_calls>", code="print(1)", repairs=OTHER),
    Row("Command A", '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "x", "parameters": {"code": "print(1)"}}]<|END_ACTION|>', code="print(1)", repairs=OTHER),
    Row("Apertus", f'<|tools_prefix|>[{{"execute_python_code": {ARGUMENTS}}}]<|tools_suffix|>', code="print(1)", repairs=OTHER),
    Row("InternLM", "<|action_start|><|interpreter|>\n```python\nprint(1)\n```<|action_end|>", code="print(1)", repairs=OTHER),
    Row("a list of calls", f"<tool_call>[{JSON}, {JSON}]</tool_call>", code="print(1)\nprint(1)", repairs={Repair.SEVERAL_BLOCKS}),
    Row("another name of the argument", '<tool_call>{"name": "run", "parameters": {"script": "print(1)"}}</tool_call>', code="print(1)"),
    Row("any argument that is Python", '<tool_call>{"name": "run", "parameters": {"snippet": "print(1)", "n": 1}}</tool_call>', code="print(1)"),
    Row("no closing quote", '<tool_call>{"name": "execute_python_code", "arguments": {"code": "print(1)}}</tool_call>', code="print(1)", repairs=BROKEN),
    Row("no closing quote, code with braces", '<tool_call>{"name": "x", "arguments": {"code": "d = {1: {2: 3}}\\nprint(d)\n}}\n</tool_call>', code="d = {1: {2: 3}}\nprint(d)", repairs=BROKEN),
    Row("braces of a template", '<tool_call>{{"name": "x", "arguments": {{"code": "print(1)"}}}}</tool_call>', code="print(1)", repairs=BROKEN),
    Row("keys without quotes", '<tool_call>{name: "x", arguments: {code: "print(1)"}}</tool_call>', code="print(1)", repairs=BROKEN),
    Row("a string of JavaScript", '<tool_call>{"name": "x", "arguments": {"code": `print(1)`}}</tool_call>', code="print(1)", repairs=BROKEN),
    Row("curly quotes", "<tool_call>{\u201cname\u201d: \u201cx\u201d, \u201carguments\u201d: {\u201ccode\u201d: \u201cprint(1)\u201d}}</tool_call>", code="print(1)", repairs=BROKEN),
    Row("the tool's name as a tag", "<execute_python_code>\nprint(1)\n</execute_python_code>", code="print(1)", repairs=OTHER | FENCE),
    Row("an empty call before the call", '<tool_call>{}{"name": "x", "arguments": {"code": "print(1)"}}</tool_call>', code="print(1)", repairs=BROKEN),
    Row("just the code", "<tool_call>print(1)</tool_call>", code="print(1)", repairs=OTHER | BROKEN),
    Row("an unclosed call and an output made up", f"<tool_call>{ARGUMENTS}\n<tool_response>1</tool_response><tool_call>{ARGUMENTS}</tool_call>", code="print(1)", repairs=FORGED),
]  # fmt: skip

THOUGHTS = [
    Row("tried in an unclosed thought", "<think>Is it <answer>3</answer>? No, there are more.", repairs={Repair.UNCLOSED_THINK}, problem="neither code"),
    Row("tried, then given, in an unclosed thought", "<think>Is it <answer>3</answer>? No.\n<answer>7</answer>", answer="7", repairs={Repair.UNCLOSED_THINK}),
    Row("tried last in a thought that was cut", "<think>Is it <answer>3</answer>", repairs={Repair.UNCLOSED_THINK}, problem="neither code", finish=LENGTH),
    Row("a thought in a tag that no row has", "<inner_monologue>Is it <answer>3</answer>?</inner_monologue><answer>7</answer>", answer="7"),
    Row("a thought in a tag of a namespace", "<seed:cot_budget_reflect>Is it <answer>3</answer>?</seed:cot_budget_reflect><answer>7</answer>", answer="7"),
    Row("a thought of MedGemma", "<unused94>thought\nIs it <answer>3</answer>?<unused95><answer>7</answer>", answer="7"),
    Row("a thought between bars", "<|thinking|>Is it <answer>3</answer>?<|/thinking|><answer>7</answer>", answer="7"),
    Row("a thought in a thought", "<think>a <thought>b</thought> <answer>3</answer></think><answer>7</answer>", answer="7"),
    Row("a thought closed by another mark", "<thinking>Is it <answer>3</answer>? No</think><answer>7</answer>", answer="7"),
    Row("a thought that names its own mark", "<think>I should use <think> tags. <answer>3</answer>?</think><answer>7</answer>", answer="7"),
    Row("a closing mark in code in a thought", "<think>```python\nprint('</think>')\n```\n<answer>3</answer></think><answer>7</answer>", answer="7"),
    Row("closed twice", "<think>a</think> maybe <answer>3</answer> no</think><answer>7</answer>", answer="7"),
    Row("full-width marks", "\uff1cthink\uff1e<answer>3</answer>\uff1c/think\uff1e\uff1canswer\uff1e7\uff1c/answer\uff1e", answer="7"),
    Row("capitals and blanks", "< THINKING >Is it <answer>3</answer>?</ THINKING ><Answer>7</Answer>", answer="7"),
    Row("opened by the template, closed by a response", "Steps: <answer>3</answer>\n[BEGIN FINAL RESPONSE]\n<answer>7</answer>", answer="7"),
    Row("a whole trajectory, thoughts opened by the template", "a</think><code>print(1)</code>\n<interpreter>1</interpreter>b</think><answer>7</answer>", code="print(1)", repairs=FENCE | FORGED),
    Row("a whole trajectory", "<think>a</think><code>print(1)</code>\n<interpreter>1</interpreter>\n<think>b</think><answer>7</answer>", code="print(1)", repairs=FENCE | FORGED),
]  # fmt: skip

OUTPUTS = [
    Row("an output in words", "<code>print(1)</code>\nOutput: 1\nThen <code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("an output as ReAct has it", "```python\nprint(1)\n```\nObservation: 1\n```python\nprint(2)\n```", code="print(1)", repairs=FORGED | {Repair.BARE_FENCE}),
    Row("an output announced", "```python\nprint(1)\n```\n**Output:**\n```\n1\n```\n```python\nprint(2)\n```", code="print(1)", repairs=FORGED | {Repair.BARE_FENCE}),
    Row("an output behind a fence that closes late", "```python\nprint(1)```\n```output\n1\n```\n```python\nprint(2)\n```", code="print(1)", repairs=FORGED | {Repair.BARE_FENCE}),
    Row("an output in the same tag", "<code>\n```python\nprint(1)\n```\n```output\n1\n```\n```python\nprint(2)\n```\n</code>", code="print(1)", repairs=FORGED),
    Row("an output in a fence of another language", "<code>print(1)</code>\n```json\n{}\n```\n<code>print(2)</code>", code="print(1)", repairs=FENCE | BEHIND),
    Row("an output of a mark in capitals", "<code>print(1)</code>\n<OUTPUT>1</OUTPUT><code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("an output of a role", "<code>print(1)</code><|observation|>1\n<code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("a turn made up", "<code>print(1)</code>\n<|im_start|>user\n1<|im_end|>\n<code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("an output behind code that never closes", "<code>print(1)\n<interpreter>1</interpreter><answer>1</answer>", code="print(1)", repairs=FENCE | FORGED),
    Row("an output under a heading", "<code>print(1)</code>\n### Output\n1\n<code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("an output announced in Chinese", "<code>print(1)</code>\n\u8fd0\u884c\u7ed3\u679c\uff1a1\n<code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("an output in a tag that no row has", "<code>print(1)</code>\n<code_execution_result>1</code_execution_result>\n<code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("an output of a notebook", "<code>print(1)</code>\n<jupyter_output>1</jupyter_output>\n<code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("a user's turn in words", "<code>print(1)</code>\nUser: 1\n<code>print(2)</code>", code="print(1)", repairs=FENCE | FORGED),
    Row("an answer in an output by a common word", "<result>9 <answer>9</answer></result>", repairs={Repair.FORGED_OBSERVATION}, problem="neither code"),
    Row("an answer wrapped in a common word", "<output><answer>9</answer></output>", answer="9", repairs=BEHIND),
    Row("a common word that is only named", "It is printed as <output> below.\n<code>print(1)</code>", code="print(1)", repairs=FENCE),
]  # fmt: skip

NAMED = [
    Row("between tags, cut", "You can use the code between <code> and ", problem="neither code"),
    Row("between tags", "First I write python between <code> and </code> tags.", problem="neither code"),
    Row("between answer tags, cut", "I will put the result between <answer> and ", problem="neither code"),
    Row("the form of an answer", "The form is <answer>...</answer>, so I will look first.", problem="neither code"),
    Row("two tags", "Use <code> for programs and <answer> for results.", problem="neither code"),
    Row("several tags", "The tags are <think>, <code>, and <answer>.", problem="neither code"),
    Row("quoted tags", "`<code>`...`</code>` is the form", problem="neither code"),
    Row("our own words", "<answer>the answer</answer>", problem="neither code"),
    Row("a variable as an answer", "End with <answer>X</answer> where X is the count.", problem="neither code"),
    Row("a call tag", "I will write it in <tool_call> tags", problem="neither code"),
    Row("a name in the style of HTML", "I use <code>input_image.crop</code> to look.", problem="neither code"),
    Row("named, then given", "I'll put it in <answer> tags. <answer>7</answer>", answer="7"),
    Row("named, then code", "Let me use <code> and </code>:\n<code>\nprint(1)\n</code>", code="print(1)", repairs=FENCE),
    Row("an observation named, then code", "What comes out is in <interpreter> tags.\n<code>print(1)</code>", code="print(1)", repairs=FENCE),
    Row("code in a sentence", "Let me call <code>display(input_image)</code> to see.", code="display(input_image)", repairs=FENCE | BEHIND),
    Row("code in one line", "<code>print(2**10)", code="print(2**10)", repairs=FENCE),
    Row("code behind words", "So: <code>\n```python\nprint(1)\n```\n", code="print(1)"),
    Row("an answer in a sentence", "It is <answer>7</answer>", answer="7"),
    Row("an answer that is a word of sentences", "<answer>and</answer>", answer="and"),
]  # fmt: skip

DAMAGED = [
    Row("the word python left over", "<code>\npython\nprint(1)\n</code>", code="print(1)", repairs=FENCE),
    Row("the word python in the line", "<code>python print(1)</code>", code="print(1)", repairs=FENCE),
    Row("the word python in a fence", "<code>\n```\npython\nprint(1)\n```\n</code>", code="print(1)"),
    Row("line breaks escaped twice", '<tool_call>{"code": "w = 3\\\\nprint(w)"}</tool_call>', code="w = 3\nprint(w)", repairs=BROKEN),
    Row("line breaks in strings stay", '<tool_call>{"code": "print(\'a\\\\nb\')"}</tool_call>', code="print('a\\nb')"),
    Row("everything escaped twice", '<tool_call>{"code": "w = 3\\\\nprint(\\\\\\"a\\\\\\")"}</tool_call>', code='w = 3\nprint("a")', repairs=BROKEN),
    Row("code closed as an answer", "<code>print(1)</answer>", code="print(1)", repairs=FENCE | BEHIND),
    Row("an answer closed as code", "<answer>7</code>", answer="7", repairs=BEHIND),
    Row("an answer closed by its opening mark", "<answer>7<answer>", answer="7", repairs=BEHIND),
    Row("code closed by its opening mark", "<code>print(1)<code>", code="print(1)", repairs=FENCE | BEHIND),
    Row("code that never closes before an answer", "<code>print(1)\n<answer>7</answer>", code="print(1)", repairs=FENCE | BEHIND),
    Row("a closing mark in a string without a fence", "<code>print('</code>')</code>", code="print('</code>')", repairs=FENCE),
    Row("another mark in a string without a fence", '<code>print("<answer>")</code>', code='print("<answer>")', repairs=FENCE),
    Row("an answer in a string of a bare fence", "```python\nprint('<answer>9</answer>')\n```", code="print('<answer>9</answer>')", repairs={Repair.BARE_FENCE}),
    Row("a mark for Python code", "<python>print(1)</python>", code="print(1)", repairs=FENCE | OTHER),
    Row("a mark for final answers", "<final_answer>7</final_answer>", answer="7", repairs=OTHER),
]  # fmt: skip

BOXES = [
    Row("a box", r"It is \boxed{7}", answer="7", repairs=BOX),
    Row("a box with maths", r"So $$\boxed{\frac{1}{2}}$$", answer=r"\frac{1}{2}", repairs=BOX | BEHIND),
    Row("a box with text", "It is\n$$\n\\boxed{\\text{a cat}}\n$$", answer="a cat", repairs=BOX | BEHIND),
    Row("GLM's box", "<think>x</think>It is <|begin_of_box|>7<|end_of_box|>.", answer="7", repairs=BOX | BEHIND),
    Row("the last box", r"\boxed{3}? No: \boxed{7}", answer="7", repairs=BOX),
    Row("GLM's box in an answer", "<answer><|begin_of_box|>7<|end_of_box|></answer>", answer="7"),
    Row("a box in a thought", r"<think>It is \boxed{7}</think>It is seven.", problem="neither code"),
    Row("a box in an unclosed thought", r"<think>It is \boxed{7}", repairs={Repair.UNCLOSED_THINK}, problem="neither code"),
    Row("a box in the middle", "\\boxed{3} is what I tried.\nBut no.", problem="neither code"),
    Row("a box and code", "It may be \\boxed{3}.\n<code>print(1)</code>", code="print(1)", repairs=FENCE),
    Row("a box and a bare fence", "```python\nprint(1)\n```\n\\boxed{1}", code="print(1)", repairs=BEHIND | {Repair.BARE_FENCE}),
    Row("a box that was cut", r"It is \boxed{7", problem="neither code", finish=LENGTH),
]  # fmt: skip

ROWS = [*CALLS, *THOUGHTS, *OUTPUTS, *NAMED, *DAMAGED, *BOXES]
