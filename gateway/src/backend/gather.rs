//! Questions that are gathered: a few requests are in flight, what is asked meanwhile waits together
//! and goes in one request. A lone question goes at once; a thousand sockets that come back ask in a
//! handful of requests.
//!
//! A question only ever joins a request that has not been sent yet, so its answer was read after it
//! was asked. The same question twice in a request is one.

use std::{
    collections::{HashMap, hash_map::Entry},
    future::Future,
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use callboard_shared::{backend::MAX_QUESTIONS, error::Refusal, lifecycle::Lifecycle};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use crate::error;

/// How many requests of a kind are in flight.
const IN_FLIGHT: usize = 4;

/// How many questions may wait for one of them; past it, they are refused as `unavailable`.
const WAITING: usize = 16_384;

/// How long a question may take, waiting included. Its client will have asked again by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// Questions of a kind.
pub(super) struct Gather<K, Q, A> {
    questions: mpsc::Sender<Question<K, Q, A>>,
}

struct Question<K, Q, A> {
    key: K,
    question: Q,
    reply: oneshot::Sender<Result<A, Refusal>>,
}

/// Those who asked the same.
type Replies<A> = Vec<oneshot::Sender<Result<A, Refusal>>>;

impl<K, Q, A> Gather<K, Q, A>
where
    K: Eq + Hash + Send + 'static,
    Q: Send + 'static,
    A: Clone + Send + 'static,
{
    /// Has questions answered by `request`, which takes [`MAX_QUESTIONS`] at most and answers them
    /// in order, on `runtime`.
    pub(super) fn start<F, R>(request: F, lifecycle: &Lifecycle, runtime: &Handle) -> Self
    where
        F: Fn(Vec<Q>) -> R + Send + 'static,
        R: Future<Output = Result<Vec<A>, Refusal>> + Send + 'static,
    {
        let (questions, waiting) = mpsc::channel(WAITING);
        lifecycle.spawn_on(runtime, run(waiting, request, lifecycle.clone()));
        Self { questions }
    }

    /// Asks; the same `key` is the same question.
    pub(super) async fn ask(&self, key: K, question: Q) -> Result<A, Refusal> {
        let (reply, answer) = oneshot::channel();
        let question = Question {
            key,
            question,
            reply,
        };
        self.questions
            .try_send(question)
            .map_err(|_| error::unavailable())?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(error::unavailable()),
        }
    }
}

async fn run<K, Q, A, F, R>(
    mut waiting: mpsc::Receiver<Question<K, Q, A>>,
    request: F,
    lifecycle: Lifecycle,
) where
    K: Eq + Hash + Send + 'static,
    Q: Send + 'static,
    A: Clone + Send + 'static,
    F: Fn(Vec<Q>) -> R + Send + 'static,
    R: Future<Output = Result<Vec<A>, Refusal>> + Send + 'static,
{
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    while let Ok(place) = Arc::clone(&in_flight).acquire_owned().await {
        let mut taken = Vec::new();
        if waiting.recv_many(&mut taken, MAX_QUESTIONS).await == 0 {
            return;
        }
        let (questions, replies) = distinct(taken);
        if questions.is_empty() {
            continue;
        }
        let request = request(questions);
        lifecycle.spawn(async move {
            answer(request.await, replies);
            drop(place);
        });
    }
}

/// Each question once, without those that nobody waits for any more.
fn distinct<K: Eq + Hash, Q, A>(taken: Vec<Question<K, Q, A>>) -> (Vec<Q>, Vec<Replies<A>>) {
    let (mut places, mut questions, mut replies) = (HashMap::new(), Vec::new(), Vec::new());
    for asked in taken {
        if asked.reply.is_closed() {
            continue;
        }
        match places.entry(asked.key) {
            Entry::Occupied(place) => {
                let same: &mut Replies<A> = &mut replies[*place.get()];
                same.push(asked.reply);
            }
            Entry::Vacant(place) => {
                place.insert(questions.len());
                questions.push(asked.question);
                replies.push(vec![asked.reply]);
            }
        }
    }
    (questions, replies)
}

/// A missing answer drops its replies, which is `unavailable` to those who wait.
fn answer<A: Clone>(answers: Result<Vec<A>, Refusal>, replies: Vec<Replies<A>>) {
    match answers {
        Ok(answers) => {
            for (answer, replies) in answers.into_iter().zip(replies) {
                for reply in replies {
                    let _ = reply.send(Ok(answer.clone()));
                }
            }
        }
        Err(refusal) => {
            for reply in replies.into_iter().flatten() {
                let _ = reply.send(Err(refusal.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    /// Answers each number with itself, and tells how many there were in each request.
    fn echo(gate: Arc<Semaphore>) -> (Gather<u32, u32, u32>, mpsc::UnboundedReceiver<Vec<u32>>) {
        let (sender, requests) = mpsc::unbounded_channel();
        let request = move |questions: Vec<u32>| {
            let (gate, sender) = (Arc::clone(&gate), sender.clone());
            async move {
                sender.send(questions.clone()).unwrap();
                gate.acquire().await.unwrap().forget();
                Ok(questions)
            }
        };
        let gather = Gather::start(request, &Lifecycle::new(), &Handle::current());
        (gather, requests)
    }

    #[tokio::test]
    async fn what_is_asked_meanwhile_goes_together_and_each_once() {
        let gate = Arc::new(Semaphore::new(0));
        let (gather, mut requests) = echo(Arc::clone(&gate));
        let gather = Arc::new(gather);
        let ask = |number: u32| {
            let gather = Arc::clone(&gather);
            tokio::spawn(async move { gather.ask(number, number).await })
        };
        let mut asked = Vec::new();
        for first in 0..4 {
            asked.push(ask(first));
            assert_eq!(requests.recv().await.unwrap(), [first]);
        }
        asked.extend((0..200).map(|number| ask(number % 100)));
        // All of them wait by the time that the first request is answered.
        while gather.questions.capacity() > WAITING - 200 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(5);
        for (index, answer) in join_all(asked).await.into_iter().enumerate() {
            let expected = u32::try_from(if index < 4 { index } else { (index - 4) % 100 });
            assert_eq!(answer.unwrap().unwrap(), expected.unwrap());
        }
        let together = requests.recv().await.unwrap();
        assert_eq!(together, (0..100).collect::<Vec<_>>());
        assert!(requests.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_asked() {
        let gate = Arc::new(Semaphore::new(0));
        let (gather, mut requests) = echo(Arc::clone(&gate));
        let mut in_flight: Vec<_> = (0..4).map(|n| Box::pin(gather.ask(n, n))).collect();
        for (first, ask) in (0..).zip(&mut in_flight) {
            assert!(futures::poll!(ask).is_pending());
            assert_eq!(requests.recv().await.unwrap(), [first]);
        }
        assert!(futures::poll!(std::pin::pin!(gather.ask(8, 8))).is_pending());
        gate.add_permits(10);
        assert_eq!(gather.ask(9, 9).await.unwrap(), 9);
        assert_eq!(requests.recv().await.unwrap(), [9]);
    }
}
