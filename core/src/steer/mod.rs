//! The router's side of failover: it hears candidates for a prefix from several peers and chooses among them. It does not
//! know how they were heard, nor how a route is installed.
//!
//! | file | what it holds |
//! |---|---|
//! | `policy` | the `steer` block: what is accepted, and how much it is preferred |
//! | `candidate` | one candidate, and which of two is better |
//! | `table` | the prefixes with their candidates, and the orders owed to the host's table |
//! | `trouble` | next hops that cannot be used, orders that were refused, routes that others take away |

pub(crate) mod candidate;
pub(crate) mod policy;
pub(crate) mod table;
pub(crate) mod trouble;
