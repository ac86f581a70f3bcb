"""Charts of the HTML report and of the dashboard: one file each, all in one visual language.

style       colours, marks and axes, light and dark
log_axis    logarithmic axes with few, round numbers
picture     a finished chart as PNG or SVG

curves      accuracy over the thinking budget
memory      bytes per token, use over time, what fits
forest      two models' differences by task; questions: their tokens by question
"""
