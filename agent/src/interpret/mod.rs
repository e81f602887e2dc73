//! Words to a plan: whole-sentence templates, no IO, no side effects.
