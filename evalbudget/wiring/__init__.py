"""The one place that names concrete classes: a suite becomes a ready run, and a run becomes rows.

    prepare   suite → tasks → samples → jobs                      nothing is sent or started
    servers   models → engines started, servers identified → lanes
    execute   journal → lanes → runner → store                    one execution of a run
    doctor    a suite or a URL → servers opened and examined, one by one
    recorded  a file of replies → verdicts
    opening   job → assignment: one request, a dialogue, or a prefix of a trace
    identity  a model, its server, its weights → what makes its figures comparable; conditions: a task's
    kv        a model's file → what it keeps of a sequence

It imports none of them: a plan needs no client, a score no server.
"""
