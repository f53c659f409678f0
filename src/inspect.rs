//! The questions that every face asks.
