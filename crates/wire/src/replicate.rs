//! Replicate's predictions, to the form between and from it.
//!
//! A model there takes whatever its author named: [`Inputs`] is what is known of the names.

mod event_reader;
mod image;
mod inputs;
mod prediction;
mod reply_reader;
mod request_writer;

pub use crate::vendor_error::read as read_error;
pub use event_reader::{PredictionReader, prediction_event, reader};
pub use image::{picture_urls, write_image_request};
pub use inputs::Inputs;
pub use prediction::{Prediction, Status};
pub use reply_reader::read_reply;
pub use request_writer::{write_request, write_request_for};
