//! The predictions there are: what they were created with and how far they are.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::{Asked, Order, Prediction, Stage};
use crate::{anthropic::Form, behaviour::Behaviour, lock::hold, openai::Refusal};

/// Predictions remembered.
const MOST: usize = 1000;

#[derive(Debug, Default)]
pub(crate) struct Desk(Mutex<Files>);

#[derive(Debug, Default)]
struct Files {
    created: u64,
    files: VecDeque<File>,
}

#[derive(Debug)]
struct File {
    id: String,
    order: Order,
    behaviour: Behaviour,
    /// Looks until it is finished.
    looks: u32,
    stopped: bool,
}

impl Desk {
    /// Says how far the prediction is that a request is about; what it was created with is laid
    /// below the request's own behaviour.
    pub(crate) fn take(
        &self,
        prediction: &mut Prediction,
        behaviour: &mut Behaviour,
    ) -> Result<(), Refusal> {
        let mut desk = hold(&self.0);
        if let Asked::Create { waits } = prediction.asked {
            desk.open(prediction, behaviour, waits);
            return Ok(());
        }
        let found = desk.files.iter_mut().find(|file| file.id == prediction.id);
        let file = found.ok_or_else(|| {
            let what = format!("/predictions/{}", prediction.id);
            Refusal::no_route(&http::Method::GET, &what).in_form(Form::Replicate)
        })?;
        file.stopped |= prediction.asked == Asked::Stop;
        prediction.stage = file.stage();
        if prediction.asked == Asked::Look {
            file.looks = file.looks.saturating_sub(1);
        }
        prediction.order = Some(file.order.clone());
        *behaviour = std::mem::take(behaviour).over(&file.behaviour);
        Ok(())
    }
}

impl Files {
    fn open(&mut self, prediction: &mut Prediction, behaviour: &Behaviour, waits: bool) {
        let Some(order) = &prediction.order else {
            return;
        };
        self.created += 1;
        prediction.id = format!("p{}", self.created);
        let mut kept = behaviour.clone().spared();
        kept.latency = None;
        let file = File {
            id: prediction.id.clone(),
            order: order.clone(),
            looks: behaviour.looks.unwrap_or(0),
            behaviour: kept,
            stopped: false,
        };
        prediction.stage = match (waits, file.looks) {
            (true, 0) => Stage::Finished,
            (true, _) => Stage::Processing,
            (false, _) => Stage::Starting,
        };
        if self.files.len() == MOST {
            self.files.pop_front();
        }
        self.files.push_back(file);
    }
}

impl File {
    fn stage(&self) -> Stage {
        match self.looks {
            _ if self.stopped => Stage::Stopped,
            0 => Stage::Finished,
            _ => Stage::Processing,
        }
    }
}
