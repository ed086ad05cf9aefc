import Clients
import Replication
import StateMachines
import Testing

@Suite("Clients that are refused, back off, and have a budget")
struct RetryPolicyTests {
  typealias Machine = ClientMachine<Counter>
  typealias Fleet = ClientFleet<Counter>
  let replicas = [ReplicaID(0), ReplicaID(1)]

  /// A client that waits 10 ms for an answer, asks replica 0 first, and gives up after 100 ms.
  func machine(_ retries: RetryPolicy = RetryPolicy()) -> Machine {
    Machine(
      id: ClientID(2), replicas: replicas, timeout: .milliseconds(100),
      patience: .fixed(.milliseconds(10)), retries: retries)
  }

  func reply(_ result: ClientReply<UInt64>.Result, to client: UInt64 = 2) -> Machine.Reply {
    Machine.Reply(id: RequestID(client: ClientID(client), sequence: 1), result: result)
  }

  @Test("A client that is refused pauses, and then asks the same replica")
  func refused() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    #expect(client.receive(reply(.busy), from: ReplicaID(0), at: at(1)) == .nothing)
    #expect(client.wakeAt == at(6))
    #expect(client.wake(at: at(6)) == .send(to: ReplicaID(0)))
    #expect(
      client.receive(reply(.answer(1)), from: ReplicaID(0), at: at(7))
        == .finish(.answered(1), attempts: 2))
  }

  @Test("A refusal that took long makes the pause longer")
  func longRefusal() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    _ = client.receive(reply(.busy), from: ReplicaID(0), at: at(9))
    #expect(client.wakeAt == at(27))
  }

  /// Lets the client run to its end; each attempt is refused after 1 ms unless it is one of
  /// `silent`, counted from 1.
  func ending(_ retries: RetryPolicy = RetryPolicy(), silent: Set<Int> = []) -> Machine.Action {
    var client = machine(retries)
    var action = client.begin(.add(1), due: at(0), at: at(0))
    var now = at(0)
    var attempt = 0
    while true {
      if case .finish = action { return action }
      if case .send(let replica) = action {
        attempt += 1
        if !silent.contains(attempt) {
          action = client.receive(reply(.busy), from: replica, at: now + .milliseconds(1))
          continue
        }
      }
      guard let wake = client.wakeAt else { return .nothing }
      now = wake
      action = client.wake(at: now)
    }
  }

  @Test("Only if each attempt was refused is it certain that an operation had no effect")
  func definite() {
    func outcome(_ action: Machine.Action) -> ClientOutcome<UInt64>? {
      if case .finish(let outcome, _) = action { outcome } else { nil }
    }
    #expect(outcome(ending()) == .failed)
    for silent in 1...3 { #expect(outcome(ending(silent: [silent])) == .unknown) }
    // Where a network duplicates requests, one copy may be refused and the other taken.
    var datagrams = RetryPolicy()
    datagrams.refusalsAreDefinite = false
    #expect(outcome(ending(datagrams)) == .unknown)
  }

  @Test("A refusal of an attempt that had timed out does not count for the present one")
  func lateRefusal() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    #expect(client.wake(at: at(10)) == .send(to: ReplicaID(1)))
    #expect(client.receive(reply(.busy), from: ReplicaID(0), at: at(11)) == .nothing)
    #expect(client.progress.refusals == 0 && !client.progress.isPausing)
  }

  @Test("Backoff is drawn below a bound that doubles up to its limit, and depends on the request")
  func backoff() {
    var policy = RetryPolicy(backoff: .milliseconds(8)...(.milliseconds(30)))
    policy.seed = 4
    func pauses(_ repetition: Int) -> [Interval] {
      (0..<400).map {
        policy.pause(before: repetition, of: RequestID(client: ClientID(1), sequence: $0))!
      }
    }
    for (repetition, bound) in [(1, 8), (2, 16), (3, 30), (9, 30)] {
      let drawn = pauses(repetition)
      #expect(drawn.allSatisfy { $0 >= .zero && $0 < .milliseconds(Int64(bound)) })
      #expect(drawn.max()! > .milliseconds(Int64(bound)).scaled(by: 0.95))
      let mean = drawn.map(\.milliseconds).reduce(0, +) / 400
      #expect(abs(mean - Double(bound) / 2) < Double(bound) * 0.06)
    }
    let first = pauses(1)
    #expect(first == pauses(1))
    policy.seed = 5
    #expect(first != pauses(1))
    #expect(RetryPolicy().pause(before: 1, of: RequestID(client: ClientID(1), sequence: 1)) == nil)
  }

  @Test("With backoff a client pauses before it asks again, and takes an answer meanwhile")
  func backingOff() {
    let policy = RetryPolicy(backoff: .milliseconds(8)...(.milliseconds(8)))
    var client = machine(policy)
    _ = client.begin(.add(1), due: at(0), at: at(0))
    #expect(client.wake(at: at(10)) == .nothing)
    let pause = policy.pause(
      before: 1, of: RequestID(client: ClientID(2), sequence: 1))!
    #expect(client.wakeAt == at(10) + pause)
    var other = client
    #expect(client.wake(at: at(10) + pause) == .send(to: ReplicaID(1)))
    #expect(
      other.receive(reply(.answer(1)), from: ReplicaID(0), at: at(10))
        == .finish(.answered(1), attempts: 1))
  }

  @Test("Without a token a client waits for the answer to what it sent, and fails if it is refused")
  func noToken() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    #expect(client.wake(at: at(10), mayRepeat: false) == .nothing)
    #expect(client.wakeAt == at(100))
    var other = client
    #expect(
      client.receive(reply(.answer(1)), from: ReplicaID(0), at: at(50))
        == .finish(.answered(1), attempts: 1))
    #expect(other.wake(at: at(100)) == .finish(.unknown, attempts: 1))

    var refused = machine()
    _ = refused.begin(.add(1), due: at(0), at: at(0))
    _ = refused.receive(reply(.busy), from: ReplicaID(0), at: at(1))
    #expect(refused.wake(at: at(6), mayRepeat: false) == .finish(.failed, attempts: 1))
    // A redirect is no repetition.
    var redirected = machine()
    _ = redirected.begin(.add(1), due: at(0), at: at(0))
    _ = redirected.receive(reply(.redirect(nil)), from: ReplicaID(0), at: at(1))
    #expect(redirected.wake(at: at(6), mayRepeat: false) == .send(to: ReplicaID(1)))
  }

  @Test("The budget is shared: each repetition takes a token, and each answer adds a part of one")
  func budget() {
    var fleet = Watched(
      Fleet(
        count: 501, replicas: replicas, timeout: .milliseconds(100),
        patience: .fixed(.milliseconds(10)), retries: RetryPolicy(budget: 0.5)))
    for client in 0..<501 { fleet.begin(.add(1), by: client, due: at(0), at: at(0)) }
    for client in 0..<501 { _ = fleet.wake(client, at: at(10)) }
    #expect(fleet.machines.count { $0.progress.repetitions == 1 } == 500)
    #expect(fleet.machines[500].wakeAt == at(100))
    #expect(fleet.subject.budget?.tokens == 0)
    for client in 0..<2 as Range<UInt64> {
      _ = fleet.receive(reply(.answer(1), to: client), at: at(11))
    }
    #expect(fleet.subject.budget?.tokens == 1)
    #expect(fleet.subject.budget?.allows == true)
    var full = RetryBudget(perAnswer: 1)
    full.noteAnswer()
    #expect(full.tokens == RetryBudget.capacity)
  }

  @Test("Requests say how long their client still waits, if they are to")
  func timeLeft() {
    var policy = RetryPolicy()
    policy.tellsTimeLeft = true
    var client = machine(policy)
    _ = client.begin(.add(1), due: at(0), at: at(3))
    #expect(client.request?.timeLeft == .milliseconds(97))
    _ = client.wake(at: at(13))
    #expect(client.request?.timeLeft == .milliseconds(87))
    var silent = machine()
    _ = silent.begin(.add(1), due: at(0), at: at(3))
    #expect(silent.request?.timeLeft == .zero)
  }
}
