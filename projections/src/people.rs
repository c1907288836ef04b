//! Who works here, and in which part of the company.

pub mod department;
pub mod employee;
