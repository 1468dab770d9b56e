"""What models really write, and how it must be read: a table for test_parse.py.

Each row: a name, the reply, why it ended, and the expected code, answer, repairs and (a part of) the problem.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codedance.types import FinishReason, Repair

STOP, LENGTH = FinishReason.STOP, FinishReason.LENGTH


@dataclass(frozen=True)
class Row:
    name: str
    text: str
    code: str | None = None
    answer: str | None = None
    repairs: set[Repair] = field(default_factory=set)
    problem: str = ""
    finish: FinishReason = STOP


CALL = '{"name": "execute_python_code", "arguments": {"code": "print(1)"}}'

WELL_FORMED = [
    Row("code", "<think>Zoom in.</think>\n<code>\n```python\nprint(1)\n```\n</code>", code="print(1)"),
    Row("code with py fence", "<think>a</think><code>```py\nprint(1)\n```</code>", code="print(1)"),
    Row("code with python3 fence", "<code>\n```python3\nprint(1)\n```\n</code>", code="print(1)"),
    Row("code with plain fence", "<code>\n```\nprint(1)\n```\n</code>", code="print(1)"),
    Row("code with upper-case fence", "<code>\n```Python\nprint(1)\n```\n</code>", code="print(1)"),
    Row("answer", "<think>I count seven.</think><answer>7</answer>", answer="7"),
    Row("answer alone", "<answer>B</answer>", answer="B"),
    Row("answer with words", "<answer>\nThe red one.\n</answer>", answer="The red one."),
    Row("answer with boxed maths", r"<answer>\boxed{\frac{1}{2}}</answer>", answer=r"\boxed{\frac{1}{2}}"),
    Row("answer with a less-than sign", "<answer>x < 3</answer>", answer="x < 3"),
    Row("tags in capitals", "<THINK>a</THINK><ANSWER>7</ANSWER>", answer="7"),
    Row("spaces in tags", "< think >a</ think >< answer >7</ answer >", answer="7"),
    Row(
        "several lines of code",
        "<code>\n```python\na = 1\n\n\nif a:\n    print(a)\n```\n</code>",
        code="a = 1\n\n\nif a:\n    print(a)",
    ),
    Row("windows line ends", "<code>\r\n```python\r\na = 1\r\nprint(a)\r\n```\r\n</code>", code="a = 1\nprint(a)"),
    Row("closing tag cut by the stop text", "<think>a</think><code>\n```python\nprint(1)\n```\n", code="print(1)"),
    Row("closing answer cut by the stop text", "<think>a</think><answer>7", answer="7"),
    Row("closing tag inside of a string", "<code>\n```python\nprint('</code>')\n```\n</code>", code="print('</code>')"),
    Row(
        "answer tag inside of the code",
        "<code>\n```python\nprint('<answer>9</answer>')\n```\n</code>",
        code="print('<answer>9</answer>')",
    ),
    Row("call", f"<tool_call>\n{CALL}\n</tool_call>", code="print(1)"),
    Row("call behind a thought", f"<think>look</think>\n<tool_call>{CALL}</tool_call>", code="print(1)"),
    Row("call cut by the stop text", f"<tool_call>\n{CALL}\n", code="print(1)"),
    Row(
        "call with escaped lines",
        '<tool_call>{"name": "execute_python_code", "arguments": {"code": "a = \\"x\\"\\nprint(a)"}}</tool_call>',
        code='a = "x"\nprint(a)',
    ),
    Row(
        "call with arguments as text",
        '<tool_call>{"name": "execute_python_code", "arguments": "{\\"code\\": \\"print(1)\\"}"}</tool_call>',
        code="print(1)",
    ),
    Row(
        "call with parameters",
        '<tool_call>{"name": "execute_python_code", "parameters": {"code": "print(1)"}}</tool_call>',
        code="print(1)",
    ),
    Row(
        "call in OpenAI's shape",
        '<tool_call>{"type": "function", "function": {"name": "execute_python_code", "arguments": {"code": "print(1)"}}}</tool_call>',
        code="print(1)",
    ),
    Row(
        "call with a fence in the code",
        '<tool_call>{"name": "execute_python_code", "arguments": {"code": "```python\\nprint(1)\\n```"}}</tool_call>',
        code="print(1)",
    ),
]

SLOPPY = [
    Row("no fence", "<think>a</think><code>print(1)</code>", code="print(1)", repairs={Repair.MISSING_FENCE}),
    Row("no fence, no close", "<code>\nprint(1)\n", code="print(1)", repairs={Repair.MISSING_FENCE}),
    Row("no fence, indented", "<code>\n    a = 1\n    print(a)\n</code>", code="a = 1\nprint(a)", repairs={Repair.MISSING_FENCE}),
    Row("fence on one line", "<code>```python print(1)```</code>", code="print(1)"),
    Row("fence closes behind the code", "<code>```python\nprint(1)```</code>", code="print(1)"),
    Row("fence never closes", "<code>\n```python\nprint(1)\n</code>", code="print(1)"),
    Row("tildes", "<code>\n~~~python\nprint(1)\n~~~\n</code>", code="print(1)"),
    Row("code cut at the limit that still parses", "<code>\n```python\nprint(1)\nx = 2", code="print(1)\nx = 2", repairs={Repair.UNCLOSED_CODE}, finish=LENGTH),
    Row("code cut in the middle of a call", "<code>\n```python\nprint(1", problem="cut off at the token limit", finish=LENGTH),
    Row("answer cut at the limit", "<answer>The man in the red", answer="The man in the red", repairs={Repair.UNCLOSED_ANSWER}, finish=LENGTH),
    Row("thought cut at the limit", "<think>First I look at", repairs={Repair.UNCLOSED_THINK}, problem="neither code", finish=LENGTH),
    Row("whole answer although the limit was reached", "<answer>7</answer>", answer="7", finish=LENGTH),
    Row("two blocks in a row", "<code>\n```python\na = 1\n```\n</code>\nand then\n<code>\n```python\nprint(a)\n```\n</code>", code="a = 1\nprint(a)", repairs={Repair.SEVERAL_BLOCKS}),
    Row("two calls in a row", f"<tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call>", code="print(1)\nprint(1)", repairs={Repair.SEVERAL_BLOCKS}),
    Row("second block cut at the limit", "<code>\n```python\na = 1\n```\n</code><code>\n```python\nprint(a", code="a = 1", repairs={Repair.TEXT_AFTER_ACTION}, finish=LENGTH),
    Row("prose around code", "Let me look closer.\n<code>\n```python\nprint(1)\n```\n</code>\nNow we wait.", code="print(1)", repairs={Repair.TEXT_AFTER_ACTION}),
    Row("prose before an answer", "So it is seven. <answer>7</answer>", answer="7"),
    Row("prose behind an answer", "<answer>7</answer> I hope this helps!", answer="7", repairs={Repair.TEXT_AFTER_ACTION}),
    Row("code behind an answer", "<answer>7</answer>\n<code>\n```python\nprint(1)\n```\n</code>", answer="7", repairs={Repair.TEXT_AFTER_ACTION}),
    Row("answer behind code, given before its outcome", "<code>\n```python\nprint(1)\n```\n</code>\n<answer>1</answer>", code="print(1)", repairs={Repair.TEXT_AFTER_ACTION}),
    Row("two answers: the first", "<answer>7</answer> no, <answer>8</answer>", answer="7", repairs={Repair.TEXT_AFTER_ACTION}),
    Row("thought never closes before code", "<think>zoom\n<code>\n```python\nprint(1)\n```\n</code>", code="print(1)", repairs={Repair.UNCLOSED_THINK}),
    Row("thought never closes before an answer", "<think>seven <answer>7</answer>", answer="7", repairs={Repair.UNCLOSED_THINK}),
    Row("thought opened by the template", "I look closely.</think><answer>7</answer>", answer="7"),
    Row("thought opened by the template holds an answer", "maybe <answer>3</answer>?</think><answer>7</answer>", answer="7"),
    Row("stray close behind everything", "<answer>7</answer></think>", answer="7", repairs={Repair.TEXT_AFTER_ACTION}),
    Row("stray close and a farewell", "<answer>7</answer></think>\n\nHope this helps", answer="7", repairs={Repair.TEXT_AFTER_ACTION}),
    Row("stray close behind code", "<code>print(1)</code>\n</think>\nNow wait", code="print(1)", repairs={Repair.MISSING_FENCE, Repair.TEXT_AFTER_ACTION}),
    Row("closing think inside of a string", "<code>\n```python\nprint('</think>')\n```\n</code>", code="print('</think>')"),
    Row("two fences in one tag", "<code>\n```python\na = 1\n```\nand then\n```python\nprint(a)\n```\n</code>", code="a = 1\nprint(a)", repairs={Repair.SEVERAL_BLOCKS}),
    Row("a fence inside of a string", "<code>\n```python\ns = \"\"\"\n```\n\"\"\"\nprint(s)\n```\n</code>", code='s = """\n```\n"""\nprint(s)'),
    Row("words before the fence inside of the tag", "<code>Here it is:\n```python\nprint(1)\n```\n</code>", code="print(1)"),
    Row("tag named in passing, then code", "I will put it in <answer> tags later. First:\n<code>\n```python\nprint(1)\n```\n</code>", code="print(1)"),
    Row("empty tags named in passing, then code", "In `<answer></answer>` tags, then. First <code>\n```python\nprint(1)\n```\n</code>", code="print(1)"),
    Row("code tag named in passing, then code", "Let me use <code> to zoom.\n<code>\n```python\nprint(1)\n```\n</code>", code="print(1)"),
    Row("closing call inside of a string", '<tool_call>{"name": "execute_python_code", "arguments": {"code": "print(\'</tool_call>\')"}}</tool_call>', code="print('</tool_call>')"),
    Row("two calls in one tag", f"<tool_call>{CALL}\n{CALL}</tool_call>", code="print(1)\nprint(1)", repairs={Repair.MISREAD_JSON}),
    Row("lines as a list", '<tool_call>{"name": "execute_python_code", "arguments": {"code": ["a = 1", "print(a)"]}}</tool_call>', code="a = 1\nprint(a)"),
    Row("attributes of a tag", '<code language="python">\nprint(1)\n</code>', code="print(1)", repairs={Repair.MISSING_FENCE}),
    Row("answer cut in its closing tag", "<answer>7</ans", answer="7", repairs={Repair.UNCLOSED_ANSWER}, finish=LENGTH),
    Row("prose and a bare call", f"I will run this: {CALL}", code="print(1)", repairs={Repair.MISREAD_JSON}),
    Row("bare call in a json fence", f"```json\n{CALL}\n```", code="print(1)", repairs={Repair.MISREAD_JSON}),
    Row("fence named tool_code", "```tool_code\nprint(1)\n```", code="print(1)", repairs={Repair.BARE_FENCE}),
    Row("two thoughts", "<think>a</think> hm <think>b</think><answer>7</answer>", answer="7"),
    Row("bare fence", "I will count.\n```python\nprint(1)\n```", code="print(1)", repairs={Repair.BARE_FENCE}),
    Row("bare fence in the middle of a line", "Code: ```python\nprint(1)\n```", code="print(1)", repairs={Repair.BARE_FENCE}),
    Row("two bare fences", "```python\na = 1\n```\nthen\n```python\nprint(a)\n```", code="a = 1\nprint(a)", repairs={Repair.BARE_FENCE, Repair.SEVERAL_BLOCKS}),
    Row("bare fence never closes", "```python\nprint(1)\n", code="print(1)", repairs={Repair.BARE_FENCE}),
    Row("a tag beats a bare fence", "As in ```python\nx\n``` I say <answer>7</answer>", answer="7"),
    Row("fence of another language", "```json\n{}\n```", problem="neither code"),
    Row("bare call", CALL, code="print(1)", repairs={Repair.MISREAD_JSON}),
    Row("call with raw line breaks", '<tool_call>{"name": "execute_python_code", "arguments": {"code": "a = 1\nprint(a)"}}</tool_call>', code="a = 1\nprint(a)", repairs={Repair.MISREAD_JSON}),
    Row("call with unescaped quotes", '<tool_call>{"name": "execute_python_code", "arguments": {"code": "print("a")"}}</tool_call>', code='print("a")', repairs={Repair.MISREAD_JSON}),
    Row("call as a Python literal", "<tool_call>{'name': 'execute_python_code', 'arguments': {'code': 'print(1)'}}</tool_call>", code="print(1)", repairs={Repair.MISREAD_JSON}),
    Row("call with a missing brace", '<tool_call>{"name": "execute_python_code", "arguments": {"code": "print(1)"}</tool_call>', code="print(1)", repairs={Repair.MISREAD_JSON}),
    Row("call with triple quotes", '<tool_call>{"name": "execute_python_code", "arguments": {"code": """print("a")\nprint(2)"""}}</tool_call>', code='print("a")\nprint(2)', repairs={Repair.MISREAD_JSON}),
    Row("call in a json fence", f"<tool_call>\n```json\n{CALL}\n```\n</tool_call>", code="print(1)"),
    Row("call with words around the JSON", f"<tool_call>Calling: {CALL} now</tool_call>", code="print(1)", repairs={Repair.MISREAD_JSON}),
    Row("call by another name", '<tool_call>{"name": "python", "arguments": {"code": "print(1)"}}</tool_call>', code="print(1)"),
    Row("bare arguments", '<tool_call>{"code": "print(1)"}</tool_call>', code="print(1)"),
]  # fmt: skip

UNUSABLE = [
    Row("nothing at all", "", problem="neither code"),
    Row("white space", " \n\t ", problem="neither code"),
    Row("prose", "The image shows seven coins.", problem="neither code"),
    Row("thought alone", "<think>seven</think>", problem="neither code"),
    Row("empty answer", "<think>a</think><answer>  </answer>", problem="the answer was empty"),
    Row("empty code", "<code></code>", problem="the code block was empty"),
    Row("empty fence", "<code>\n```python\n```\n</code>", problem="the code block was empty"),
    Row("empty call", "<tool_call></tool_call>", problem="the tool call was empty"),
    Row("call of an unknown tool", '<tool_call>{"name": "zoom", "arguments": {"box": [1, 2, 3, 4]}}</tool_call>', problem="'zoom' had no argument"),
    Row("call that is no JSON", "<tool_call>please zoom</tool_call>", problem="no JSON"),
    Row("call cut at the limit", '<tool_call>{"name": "execute_python_code", "arguments": {"code": "print(1', problem="cut off at the token limit", finish=LENGTH),
    Row("answer only in the thought", "<think>It is <answer>7</answer>, I guess</think>", problem="neither code"),
    Row("code only in the thought", "<think><code>\n```python\nprint(1)\n```\n</code></think>", problem="neither code"),
    Row("closing tags alone", "</code></answer></think>", problem="neither code"),
    Row("brackets without end", "<tool_call>" + "[" * 100_000, problem="no JSON"),
    Row("exclamation marks", "!" * 500, problem="neither code"),
]  # fmt: skip

FORGED = [
    Row("observation made up behind code", "<code>\n```python\nprint(1)\n```\n</code>\n<interpreter>\n1\n</interpreter>\n<answer>1</answer>", code="print(1)", repairs={Repair.TEXT_AFTER_ACTION, Repair.FORGED_OBSERVATION}),
    Row("observation and a second block made up", "<code>\n```python\na = 1\n```\n</code><interpreter>ok</interpreter><code>\n```python\nprint(a)\n```\n</code>", code="a = 1", repairs={Repair.TEXT_AFTER_ACTION, Repair.FORGED_OBSERVATION}),
    Row("observation instead of code", "<interpreter>42</interpreter><answer>42</answer>", answer="42", repairs={Repair.FORGED_OBSERVATION}),
    Row("tool response made up", f"<tool_call>{CALL}</tool_call><tool_response>1</tool_response>", code="print(1)", repairs={Repair.TEXT_AFTER_ACTION, Repair.FORGED_OBSERVATION}),
    Row("answer inside of a made-up observation", "<interpreter>result <answer>9</answer></interpreter>", repairs={Repair.FORGED_OBSERVATION}, problem="neither code"),
    Row("code inside of a made-up observation", "<tool_response><code>```python\nprint(1)\n```</code></tool_response><answer>7</answer>", answer="7", repairs={Repair.FORGED_OBSERVATION}),
    Row("observation that never closes", "<interpreter>9 <answer>9</answer>", repairs={Repair.FORGED_OBSERVATION}, problem="neither code"),
    Row("observation with an attribute", "<interpreter id=1>42 <answer>42</answer>", repairs={Repair.FORGED_OBSERVATION}, problem="neither code"),
    Row("observation closed on its own", "</interpreter><answer>7</answer>", answer="7", repairs={Repair.FORGED_OBSERVATION}),
    Row("tags inside of an answer", "<answer><code>print(1)</code> 7</answer>", answer="print(1) 7"),
    Row("answer inside of an answer", "<answer><answer>7</answer></answer>", answer="7", repairs={Repair.TEXT_AFTER_ACTION}),
]  # fmt: skip

ROWS = [*WELL_FORMED, *SLOPPY, *UNUSABLE, *FORGED]
