"""Charts of the HTML report and of the dashboard: one file each, all in one visual language.

style       colours, marks and axes, light and dark
log_axis    logarithmic axes with few, round numbers
picture     a finished chart as PNG or SVG

whiskers    one figure of each model with its interval, by task
accuracy    accuracies; frontier: accuracy against tokens
curves      accuracy over the thinking budget
loops       how often models loop, and where
memory      bytes per token, use over time, what fits
forest      two models' differences by task; questions: their tokens by question
"""
