//! The layers in front of a bare tower service: readiness, bodies that cannot be copied, errors.

use std::convert::Infallible;
use std::future::{Future, Ready, poll_fn, ready};
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{Request, Response};
use tessera_guard::{Caller, RequireAuth, RequireScope};
use tower::{Layer, Service, ServiceExt};

use crate::api::guard;
use crate::signer::Signer;

/// A body that can be moved and nothing else.
#[derive(Debug)]
struct Body(String);

/// A service whose copies are not ready, as those of a rate limit or a connection pool are not.
#[derive(Default)]
struct OneAtATime {
    is_ready: bool,
}

impl Clone for OneAtATime {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<Body>> for OneAtATime {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called without having been ready"
        );
        let caller = request
            .extensions()
            .get::<Caller>()
            .map(|caller| caller.subject().to_string());
        let said = format!("{} from {}", request.body().0, caller.unwrap_or_default());
        ready(Ok(Response::new(said)))
    }
}

/// Never ready.
#[derive(Clone)]
struct Busy;

impl Service<Request<Body>> for Busy {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        unreachable!("it is never ready")
    }
}

fn request(token: &str) -> Request<Body> {
    let field = format!("Bearer {token}");
    Request::builder()
        .header(AUTHORIZATION, field)
        .body(Body("hello".into()))
        .unwrap()
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    let signer = Signer::new("k");
    let layers = (
        RequireAuth::new(guard(&signer)),
        RequireScope::all(["orders:read"]),
    );
    let mut service = layers.layer(OneAtATime::default());
    for _ in 0..3 {
        poll_fn(|context| service.poll_ready(context)).await.unwrap();
        let answer = service.call(request(&signer.token())).await.unwrap();
        assert_eq!(answer.into_body(), "hello from ann");
    }
    let answer = service.clone().oneshot(request("a.b.c")).await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn errors_and_delays_of_the_service_are_its_own() {
    let signer = Signer::new("k");
    let failing = tower::service_fn(|_: Request<Body>| ready(Err::<Response<String>, _>("the disk is full")));
    let service = RequireAuth::new(guard(&signer)).layer(failing);
    assert_eq!(
        service.oneshot(request(&signer.token())).await.unwrap_err(),
        "the disk is full"
    );

    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut service = RequireAuth::new(guard(&signer)).layer(Busy);
    assert!(service.poll_ready(&mut context).is_pending());
    let mut service = RequireScope::all(["a"]).layer(Busy);
    assert!(service.poll_ready(&mut context).is_pending());
}

/// What is answered can be sent between threads, as servers demand.
#[test]
fn futures_are_send() {
    fn assert_send(_: impl Future + Send) {}
    let signer = Signer::new("k");
    let mut service = RequireAuth::new(guard(&signer)).layer(OneAtATime { is_ready: true });
    assert_send(service.call(request("a.b.c")));
}
