"""The tasks of lm-eval (EleutherAI/lm-evaluation-harness): their data, prompts, filters and metrics."""
