//! Rebalancing, packing and the order of migrations: plans carried out step by step, tiny clusters against all
//! placements that there are, larger ones against CP-SAT (`oracle.py`), and questions without an answer.

mod generate;
mod hostile;
mod judged;
mod ordered;
mod tiny;
