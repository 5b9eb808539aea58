//! The detector at work: the clock, the way in, the driver that owns it, and
//! what keeps watch over the tasks. Read in this order.
//!
//! There is one runtime thread and one owner of the detector. Nothing is locked
//! across an await, and a page, a scrape and the log always agree, because they
//! are all made from what one task did in one order.

pub(crate) mod clock;
pub(crate) mod handle;

mod alarm;
pub(crate) mod attempts;
mod discovery;
pub(crate) mod driver;

pub(crate) mod descriptors;
pub(crate) mod listen;
pub(crate) mod signals;
pub(crate) mod start_pages;
pub(crate) mod supervisor;
