import Clients
import ReplicaHosting
import Replication
import StateMachines
import Testing

@Suite struct ClientMachineTests {
  typealias Machine = ClientMachine<Counter>
  let replicas = [ReplicaID(0), ReplicaID(1), ReplicaID(2)]

  /// A client that starts at replica 0 and gives up after a second.
  func machine(
    patience: Patience = .adaptive, timeout: Interval = .seconds(1)
  ) -> Machine {
    Machine(id: ClientID(3), replicas: replicas, timeout: timeout, patience: patience)
  }

  /// A client whose first operation was answered after `latency` milliseconds.
  func machine(answeredAfter latency: Int64, timeout: Interval = .seconds(1)) -> Machine {
    var client = machine(timeout: timeout)
    _ = client.begin(.add(1), due: at(0), at: at(0))
    _ = client.receive(reply(1, .answer(1)), at: at(latency))
    return client
  }

  func target(_ action: Machine.Action) -> Int? {
    if case .send(let to) = action { to.index } else { nil }
  }

  func reply(_ sequence: UInt64, _ result: ClientReply<UInt64>.Result) -> Machine.Reply {
    Machine.Reply(id: RequestID(client: ClientID(3), sequence: sequence), result: result)
  }

  @Test("An operation is sent once, with the next number, and ends with its answer")
  func answer() {
    var client = machine()
    #expect(client.isIdle && client.nextSequence == 1 && client.wakeAt == nil)
    let request = Machine.Request(
      id: RequestID(client: ClientID(3), sequence: 1), command: .add(5))
    #expect(client.begin(.add(5), due: at(0), at: at(0)) == .send(to: ReplicaID(0)))
    #expect(client.request == request)
    #expect(!client.isIdle)
    #expect(client.receive(reply(1, .answer(5)), at: at(1)) == .finish(.answered(5), attempts: 1))
    #expect(client.isIdle && client.wakeAt == nil && client.nextSequence == 2)
  }

  @Test("Updates after the first answered one continue a session; reads do not")
  func continues() {
    var client = machine()
    _ = client.begin(.read, due: at(0), at: at(0))
    _ = client.receive(reply(1, .answer(0)), at: at(1))
    _ = client.begin(.add(1), due: at(2), at: at(2))
    #expect(client.request?.continues == false)
    _ = client.receive(reply(2, .answer(1)), at: at(3))
    _ = client.begin(.add(1), due: at(4), at: at(4))
    #expect(client.request?.continues == true)
    _ = client.receive(reply(3, .answer(2)), at: at(5))
    _ = client.begin(.read, due: at(6), at: at(6))
    #expect(client.request?.continues == false)
  }

  @Test(
    "After its session expired, an operation begins another one, unless it may have taken effect")
  func expired() throws {
    var client = machine(answeredAfter: 1)
    #expect(client.begin(.add(1), due: at(10), at: at(10)) == .send(to: ReplicaID(0)))
    #expect(client.receive(reply(2, .expired), at: at(11)) == .send(to: ReplicaID(0)))
    #expect(client.request?.continues == false)
    #expect(client.receive(reply(2, .expired), at: at(12)) == .nothing)
    #expect(client.receive(reply(2, .answer(1)), at: at(13)) == .finish(.answered(1), attempts: 2))

    _ = client.begin(.add(1), due: at(20), at: at(20))
    let wake = try #require(client.wakeAt)
    #expect(target(client.wake(at: wake)) != nil)
    let ending = Machine.Action.finish(.unknown, attempts: 2)
    #expect(client.receive(reply(3, .expired), at: wake + .milliseconds(1)) == ending)
    _ = client.begin(.add(1), due: wake + .milliseconds(2), at: wake + .milliseconds(2))
    #expect(client.request?.continues == false)
  }

  @Test("Clients start at different replicas")
  func spread() {
    let targets = (0..<6).map {
      Machine(id: ClientID($0), replicas: replicas, timeout: .seconds(1)).updateTarget.index
    }
    #expect(targets == [0, 1, 2, 0, 1, 2])
  }

  @Test("A client that asks one replica first begins each operation there, and follows redirects")
  func firstAsked() {
    var client = machine()
    client.firstAsked = ReplicaID(2)
    for sequence in 1...2 as ClosedRange<UInt64> {
      #expect(client.begin(.add(1), due: at(0), at: at(0)) == .send(to: ReplicaID(2)))
      let action = client.receive(reply(sequence, .redirect(ReplicaID(1))), at: at(1))
      #expect(action == .send(to: ReplicaID(1)))
      _ = client.receive(reply(sequence, .answer(1)), at: at(2))
    }
    #expect(client.begin(.read, due: at(3), at: at(3)) == .send(to: ReplicaID(2)))
  }

  @Test("Without an answer the client retries at the next replica, with patience that doubles")
  func retries() {
    var client = machine(answeredAfter: 25)
    _ = client.begin(.add(1), due: at(1000), at: at(1000))
    var sends: [[Int64]] = []
    var end: Machine.Action?
    while let wake = client.wakeAt {
      let early = client.wake(at: wake - .nanoseconds(1))
      #expect(early == .nothing)
      let action = client.wake(at: wake)
      if let replica = target(action) {
        sends.append([wake.nanoseconds / 1_000_000, Int64(replica)])
      } else {
        end = action
      }
    }
    #expect(sends == [[1075, 1], [1225, 2], [1525, 0]])
    #expect(end == .finish(.unknown, attempts: 4))
  }

  @Test(
    "The timer follows the measured round trips, not the timeout; before the first it is 1 s")
  func patience() {
    for timeout in [Interval.seconds(5), .seconds(20)] {
      var fresh = machine(timeout: timeout)
      _ = fresh.begin(.add(1), due: at(0), at: at(0))
      #expect(fresh.wakeAt == at(1000))
      for (latency, patience) in [(1, 5), (10, 30), (900, 2700)] as [(Int64, Int64)] {
        var client = machine(answeredAfter: latency, timeout: timeout)
        _ = client.begin(.add(1), due: at(1000), at: at(1000))
        #expect(client.wakeAt == at(1000 + patience))
      }
    }
    var fixed = machine(patience: .fixed(.milliseconds(70)))
    _ = fixed.begin(.add(1), due: at(0), at: at(0))
    #expect(fixed.wakeAt == at(70))
    _ = fixed.wake(at: at(70))
    #expect(fixed.wakeAt == at(140))
  }

  @Test("A large request waits longer before it is resent, a small one does not")
  func largeRequest() {
    for (byteCount, extra) in [(1000, 0), (256 << 10, 0), (16 << 20, 1600)] {
      var client = ClientMachine<KeyValueStore>(
        id: ClientID(3), replicas: replicas, timeout: .seconds(10))
      _ = client.begin(.get(Key("a")), due: at(0), at: at(0))
      let id = RequestID(client: ClientID(3), sequence: 1)
      _ = client.receive(
        ClientReply(id: id, result: .answer(.value(nil))), from: ReplicaID(0), at: at(10))
      let value = [UInt8](repeating: 1, count: byteCount)
      _ = client.begin(.put(Key("a"), value: value), due: at(20), at: at(20))
      let usual = client.roundTrips.backedOff
      let waits = (client.wakeAt ?? at(0)) - at(20)
      #expect(
        waits >= usual + .milliseconds(Int64(extra))
          && waits < usual + .milliseconds(Int64(extra) + 100))
    }
  }

  @Test("A suspect gets only a short time for a small request, and the whole time for a large one")
  func largeRequestToSuspect() {
    for (byteCount, isShort) in [(1000, true), (1 << 20, false)] {
      var client = ClientMachine<KeyValueStore>(
        id: ClientID(3), replicas: replicas, timeout: .seconds(10))
      let value = [UInt8](repeating: 1, count: byteCount)
      _ = client.begin(.put(Key("a"), value: value), due: at(0), at: at(0))
      let silent = client.target
      let now = client.wakeAt!
      _ = client.wake(at: now)
      let redirect = ClientReply<KeyValueStore.Response>(
        id: RequestID(client: ClientID(3), sequence: 1), result: .redirect(silent))
      let next = client.receive(redirect, from: client.target, at: now)
      #expect(next == .send(to: silent))
      #expect(client.wakeAt! == now + (isShort ? client.pause : client.timer))
    }
  }

  @Test("A round trip longer than a tenth of the timeout is learned, and no request is sent twice")
  func longRoundTrips() {
    var client = machine()
    for operation in 0..<20 as Range<Int64> {
      let start = at(operation * 1000)
      #expect(target(client.begin(.add(1), due: start, at: start)) == 0)
      let answered = start + .milliseconds(operation % 2 == 0 ? 220 : 280)
      #expect(client.wakeAt! > answered)
      let answer = reply(UInt64(operation) + 1, .answer(1))
      #expect(client.receive(answer, at: answered) == .finish(.answered(1), attempts: 1))
    }
  }

  @Test("One long round trip is remembered, so that an occasional queue is not taken for silence")
  func longTail() {
    var client = machine(answeredAfter: 1)
    for operation in 1...40 as ClosedRange<Int64> {
      let start = at(operation * 1000)
      _ = client.begin(.add(1), due: start, at: start)
      let takes: Int64 = operation == 1 ? 40 : operation % 10 == 0 ? 20 : 1
      if operation > 1 { #expect(client.wakeAt! > start + .milliseconds(takes)) }
      let answer = reply(UInt64(operation) + 1, .answer(1))
      if operation == 1 { _ = client.wake(at: client.wakeAt!) }
      _ = client.receive(answer, from: ReplicaID(0), at: start + .milliseconds(takes))
    }
  }

  @Test("The reply's sender shows which attempt was answered: it is measured and asked next")
  func answeredAttempt() {
    // The client's timer is 30 ms.
    for sender in 0...1 {
      var client = machine(answeredAfter: 10)
      _ = client.begin(.add(1), due: at(100), at: at(100))
      #expect(target(client.wake(at: at(130))) == 1)
      let answered = client.receive(reply(2, .answer(1)), from: ReplicaID(sender), at: at(141))
      #expect(answered == .finish(.answered(1), attempts: 2))
      #expect(client.roundTrips.doublings == 0)
      #expect(client.roundTrips.longest == .milliseconds(sender == 0 ? 41 : 11))
      #expect(target(client.begin(.add(1), due: at(200), at: at(200))) == sender)
    }
  }

  @Test("If it is unclear which attempt was answered, the timer stays doubled (Karn)")
  func ambiguousAnswer() {
    var client = Machine(id: ClientID(3), replicas: [ReplicaID(0)], timeout: .seconds(10))
    _ = client.begin(.add(1), due: at(0), at: at(0))
    _ = client.wake(at: at(1000))
    _ = client.receive(reply(1, .answer(1)), at: at(1100))
    _ = client.begin(.add(1), due: at(2000), at: at(2000))
    #expect(client.wakeAt == at(4000) && client.roundTrips.estimate.smoothed == nil)
    _ = client.receive(reply(2, .answer(1)), at: at(3200))
    #expect(client.roundTrips.estimate.smoothed == .milliseconds(1200))
  }

  @Test(
    "A silent replica to which others redirect is asked again, but others get their turn")
  func allHaveATurn() {
    var client = Machine(
      id: ClientID(5), replicas: (0..<5).map { ReplicaID($0) }, timeout: .seconds(10),
      patience: .fixed(.milliseconds(10)))
    var asked: [Int] = []
    var action = client.begin(.add(1), due: at(0), at: at(0))
    while asked.count < 10, let wake = client.wakeAt {
      asked.append(target(action)!)
      // Replica 0 is cut off, and replicas 1 to 4 still take it for the leader.
      action =
        target(action) == 0
        ? client.wake(at: wake)
        : client.receive(
          Machine.Reply(
            id: RequestID(client: ClientID(5), sequence: 1), result: .redirect(ReplicaID(0))),
          at: wake - .milliseconds(1))
    }
    #expect(asked == [0, 1, 0, 2, 0, 3, 0, 4, 0, 1])
  }

  @Test("A redirect is followed at once and remembered")
  func redirect() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    #expect(target(client.receive(reply(1, .redirect(ReplicaID(2))), at: at(1))) == 2)
    #expect(client.receive(reply(1, .answer(1)), at: at(2)) == .finish(.answered(1), attempts: 2))
    #expect(target(client.begin(.add(1), due: at(3), at: at(3))) == 2)
  }

  @Test("A redirect to no replica or to an unknown one makes the client pause and try the next")
  func aimless() {
    for stranger in [nil, ReplicaID(7)] {
      var client = machine()
      _ = client.begin(.add(1), due: at(0), at: at(0))
      #expect(client.receive(reply(1, .redirect(stranger)), at: at(1)) == .nothing)
      #expect(client.wakeAt == at(6))
      // During the pause further redirects change nothing, but an answer counts.
      #expect(client.receive(reply(1, .redirect(ReplicaID(2))), at: at(2)) == .nothing)
      #expect(client.wakeAt == at(6))
      #expect(target(client.wake(at: at(6))) == 1)
    }
  }

  @Test("After a slow refusal the client pauses for twice the time beyond the usual round trip")
  func slowRefusal() {
    var stranger = machine()
    _ = stranger.begin(.add(1), due: at(0), at: at(0))
    _ = stranger.receive(reply(1, .redirect(nil)), at: at(60))
    #expect(stranger.wakeAt == at(180))
    var used = machine(answeredAfter: 50)
    _ = used.begin(.add(1), due: at(100), at: at(100))
    _ = used.receive(reply(2, .redirect(nil)), at: at(160))
    #expect(used.wakeAt == at(180))
  }

  @Test("After as many redirects as there are replicas the client pauses")
  func chain() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    for hop in 1...3 as ClosedRange<Int64> {
      let to = ReplicaID(Int(hop % 2) + 1)
      #expect(target(client.receive(reply(1, .redirect(to)), at: at(hop))) == to.index)
    }
    #expect(client.receive(reply(1, .redirect(ReplicaID(1))), at: at(4)) == .nothing)
    #expect(client.wakeAt == at(9))
    #expect(target(client.wake(at: at(9))) == 1)
    // The count of redirects starts again at zero.
    #expect(target(client.receive(reply(1, .redirect(ReplicaID(2))), at: at(25))) == 2)
  }

  @Test("Redirects do not make the client wait longer for a replica that is down")
  func redirectsAreNoRetries() {
    var client = machine(patience: .fixed(.milliseconds(100)))
    _ = client.begin(.add(1), due: at(0), at: at(0))
    for round in 0..<5 as Range<Int64> {
      _ = client.receive(reply(1, .redirect(nil)), at: at(round * 30))
      _ = client.wake(at: at(round * 30 + 20))
    }
    #expect(client.wakeAt == at(140 + 100))
    #expect(target(client.wake(at: at(240))) != nil)
  }

  @Test("After the timeout, counted from when the operation was due, the outcome is unknown")
  func timeout() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(950))
    #expect(client.wakeAt == at(1000))
    #expect(client.wake(at: at(1000)) == .finish(.unknown, attempts: 1))
    #expect(client.isIdle)
    // The next operation belongs to the same session, has the next number, and goes to another
    // replica.
    let request = Machine.Request(
      id: RequestID(client: ClientID(3), sequence: 2), command: .read)
    #expect(client.begin(.read, due: at(1001), at: at(1001)) == .send(to: ReplicaID(0)))
    #expect(client.request == request)
    _ = client.receive(reply(2, .answer(1)), at: at(1002))
    #expect(target(client.begin(.add(1), due: at(1003), at: at(1003))) == 1)
  }

  @Test("Late replies to earlier operations are ignored, and so are replies to an idle client")
  func late() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    _ = client.wake(at: at(1000))
    #expect(client.receive(reply(1, .answer(1)), at: at(1001)) == .nothing)
    _ = client.begin(.add(1), due: at(1002), at: at(1002))
    #expect(client.receive(reply(1, .answer(1)), at: at(1003)) == .nothing)
    #expect(client.receive(reply(1, .redirect(ReplicaID(2))), at: at(1003)) == .nothing)
    #expect(client.receive(reply(3, .answer(1)), at: at(1003)) == .nothing)
    #expect(!client.isIdle)
  }

  @Test("The targets of updates and of reads are remembered separately")
  func targets() {
    var client = machine()
    _ = client.begin(.read, due: at(0), at: at(0))
    _ = client.receive(reply(1, .redirect(ReplicaID(2))), at: at(1))
    _ = client.receive(reply(1, .answer(1)), at: at(2))
    #expect(target(client.begin(.add(1), due: at(3), at: at(3))) == 0)
    _ = client.receive(reply(2, .redirect(ReplicaID(1))), at: at(4))
    _ = client.receive(reply(2, .answer(1)), at: at(5))
    #expect(target(client.begin(.read, due: at(6), at: at(6))) == 2)
    _ = client.receive(reply(3, .answer(1)), at: at(7))
    #expect(target(client.begin(.add(1), due: at(8), at: at(8))) == 1)
  }

  @Test(
    "Without resending, a refusal fails an operation and a lost connection makes it unknown"
  )
  func sentOnce() {
    let lone = [ReplicaID(0)]
    var client = Machine(
      id: ClientID(3), replicas: lone, timeout: .seconds(1), resends: false)
    #expect(target(client.begin(.add(1), due: at(0), at: at(0))) == 0)
    #expect(client.wake(at: at(500)) == .nothing)
    #expect(client.wakeAt == at(1000))
    #expect(client.receive(reply(1, .redirect(nil)), at: at(600)) == .finish(.failed, attempts: 1))
    #expect(target(client.begin(.add(1), due: at(700), at: at(700))) == 0)
    // An answer that is too late for the previous operation does not affect this one.
    #expect(client.receive(reply(1, .redirect(nil)), at: at(710)) == .nothing)
    #expect(
      client.lostConnection(to: ReplicaID(0), at: at(720)) == .finish(.unknown, attempts: 1))
    #expect(target(client.begin(.add(1), due: at(800), at: at(800))) == 0)
    #expect(client.wake(at: at(1800)) == .finish(.unknown, attempts: 1))
  }
}
