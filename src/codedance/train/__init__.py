"""Learn: traces to tokens, supervised fine-tuning, reinforcement learning, and the small model that is made from nothing.

    from codedance.train.sft import train_sft        # recipes/tiny-sft.toml
    from codedance.train.grpo import train_grpo      # recipes/tiny-grpo.toml

One machine, one device; needs the extra `train` (torch, transformers). Not covered: clusters.
"""
