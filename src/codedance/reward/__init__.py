"""Rewards of rollouts that may call tools: outcomes in, rewards and advantages out, numpy only.

rewarded = reward("guarded")(outcome_of(traces, accuracy, groups))
rewarded.of_turn(rollout=0, call=None)
"""

from codedance.reward.bat import BAT_WITHOUT_TURN, PAPER, RELEASED, Bat, Mode, MuFrom, Slope, ToolValue
from codedance.reward.credit import PRINTED, RAN, TurnTerm
from codedance.reward.guarded import GUARDED, Guarded
from codedance.reward.named import REWARDS, reward
from codedance.reward.outcomes import Outcomes, outcome_of
from codedance.reward.rewarded import Reward, Rewarded
from codedance.reward.rivals import DEEPEYES, EVERY_CALL, OUTCOME, DeepEyes, EveryCall, Outcome

__all__ = [
    "BAT_WITHOUT_TURN",
    "DEEPEYES",
    "EVERY_CALL",
    "GUARDED",
    "OUTCOME",
    "PAPER",
    "PRINTED",
    "RAN",
    "RELEASED",
    "REWARDS",
    "Bat",
    "DeepEyes",
    "EveryCall",
    "Guarded",
    "Mode",
    "MuFrom",
    "Outcome",
    "Outcomes",
    "Reward",
    "Rewarded",
    "Slope",
    "ToolValue",
    "TurnTerm",
    "outcome_of",
    "reward",
]
