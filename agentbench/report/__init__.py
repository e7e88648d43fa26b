"""What a person sees of a run: a table for the terminal (`table`) and a single file of HTML (`html`).

Invariant: nothing here computes a result; every number comes from `Measured`, and counts serve the layout alone.
"""
