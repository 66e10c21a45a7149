//! This service: the real program, asked what it declares.
