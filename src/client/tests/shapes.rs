//! Answers in all shapes: those that are read here, and those that hyper reads.

use super::*;

/// However an answer is written, its connection carries the next ping: read here where it is plain, and by hyper else.
#[tokio::test]
async fn a_connection_is_kept_whatever_shape_its_answers_have() {
    let length = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RELEASED}", RELEASED.len());
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{RELEASED}\r\n0\r\n\r\n", RELEASED.len());
    let after_continue = format!("HTTP/1.1 100 Continue\r\n\r\n{length}");
    for (shape, reply) in [("plain", &length), ("chunked", &chunked), ("after another head", &after_continue)] {
        for pieces in [1, 2, 7, 100] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let target = target(listener.local_addr().expect("bound").port());
            let serve = async {
                let (mut stream, _) = listener.accept().await.expect("accepts");
                loop {
                    let head = read_head(&mut stream).await;
                    assert!(head.starts_with("GET /ping HTTP/1.1\r\n"), "{head}");
                    for piece in reply.as_bytes().chunks(reply.len().div_ceil(pieces)) {
                        stream.write_all(piece).await.expect("it reads");
                        tokio::task::yield_now().await;
                    }
                }
            };
            let client = client();
            let pings = async {
                for ping in 1..=5 {
                    let answer = scheduled(&client, &target, &caller()).await;
                    assert!(answer.is_ok(), "{shape} in {pieces} pieces, ping {ping}: {answer:?}");
                }
            };
            tokio::select! {
                () = pings => {}
                // A second connection is not accepted, so a ping on one would wait without end.
                () = serve => unreachable!("serves without end"),
                () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{shape} in {pieces} pieces: another connection"),
            }
        }
    }
}

/// What comes without a question belongs to no answer, so its connection is not used again.
#[tokio::test]
async fn a_connection_on_which_more_comes_than_was_asked_for_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = target(listener.local_addr().expect("bound").port());
    let plain = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RELEASED}", RELEASED.len());
    let serve = async {
        for extra in ["HTTP/1.1 200 OK\r\n", ""] {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            read_head(&mut stream).await;
            stream.write_all(format!("{plain}{extra}").as_bytes()).await.expect("it reads");
        }
    };
    let client = client();
    let pings = async {
        for _ in 0..2 {
            scheduled(&client, &target, &caller()).await.expect("answered");
        }
    };
    tokio::join!(serve, pings);
}
