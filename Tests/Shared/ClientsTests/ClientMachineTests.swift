import Clients
import ReplicaHosting
import Replication
import StateMachines
import Testing

@Suite struct ClientMachineTests {
  typealias Machine = ClientMachine<Counter>
  let replicas = [ReplicaID(0), ReplicaID(1), ReplicaID(2)]

  /// A client that starts at replica 0 and gives up after a second: it retries after 100 ms and pauses
  /// for 20 ms.
  func machine() -> Machine {
    Machine(id: ClientID(3), replicas: replicas, timeout: .seconds(1))
  }

  func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

  func target(_ action: Machine.Action) -> Int? {
    if case .send(let to) = action { to.index } else { nil }
  }

  func reply(_ sequence: UInt64, _ result: ClientReply<UInt64>.Result) -> Machine.Reply {
    Machine.Reply(id: RequestID(client: ClientID(3), sequence: sequence), result: result)
  }

  @Test("An operation is sent once, numbered upwards, and ends with its answer")
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

  @Test("Clients start at different replicas")
  func spread() {
    let targets = (0..<6).map {
      Machine(id: ClientID($0), replicas: replicas, timeout: .seconds(1)).updateTarget.index
    }
    #expect(targets == [0, 1, 2, 0, 1, 2])
  }

  @Test("Without an answer the client retries at the next replica, with patience that doubles")
  func retries() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
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
    #expect(sends == [[100, 1], [300, 2], [700, 0]])
    #expect(end == .finish(.unknown, attempts: 4))
  }

  @Test("Patience follows the latencies seen: four times, within a tenth and half of the timeout")
  func patience() {
    for (latency, patience) in [(10, 100), (50, 200), (300, 500)] as [(Int64, Int64)] {
      var client = machine()
      _ = client.begin(.add(1), due: at(0), at: at(0))
      // The first attempt lasts as long as the default patience at most: answer before any wake-up.
      _ = client.receive(reply(1, .answer(1)), at: at(latency))
      _ = client.begin(.add(1), due: at(1000), at: at(1000))
      #expect(client.wakeAt == at(1000 + patience))
    }
  }

  @Test("A redirect is followed at once and remembered")
  func redirect() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    #expect(target(client.receive(reply(1, .redirect(ReplicaID(2))), at: at(1))) == 2)
    #expect(client.receive(reply(1, .answer(1)), at: at(2)) == .finish(.answered(1), attempts: 2))
    #expect(target(client.begin(.add(1), due: at(3), at: at(3))) == 2)
  }

  @Test("A redirect that names nobody, or a stranger, makes the client pause and try the next one")
  func aimless() {
    for stranger in [nil, ReplicaID(7)] {
      var client = machine()
      _ = client.begin(.add(1), due: at(0), at: at(0))
      #expect(client.receive(reply(1, .redirect(stranger)), at: at(1)) == .nothing)
      #expect(client.wakeAt == at(21))
      // During the pause further redirects change nothing, but an answer counts.
      #expect(client.receive(reply(1, .redirect(ReplicaID(2))), at: at(2)) == .nothing)
      #expect(client.wakeAt == at(21))
      #expect(target(client.wake(at: at(21))) == 1)
    }
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
    #expect(client.wakeAt == at(24))
    #expect(target(client.wake(at: at(24))) == 1)
    // The count starts anew.
    #expect(target(client.receive(reply(1, .redirect(ReplicaID(2))), at: at(25))) == 2)
  }

  @Test("Redirects do not make the client wait longer for a replica that is down")
  func redirectsAreNoRetries() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(0))
    for round in 0..<5 as Range<Int64> {
      _ = client.receive(reply(1, .redirect(nil)), at: at(round * 30))
      _ = client.wake(at: at(round * 30 + 20))
    }
    #expect(client.wakeAt == at(140 + 100))
    #expect(target(client.wake(at: at(240))) != nil)
    #expect(client.wakeAt == at(240 + 200))
  }

  @Test("After the timeout, counted from when it was due, the outcome is unknown")
  func timeout() {
    var client = machine()
    _ = client.begin(.add(1), due: at(0), at: at(950))
    #expect(client.wakeAt == at(1000))
    #expect(client.wake(at: at(1000)) == .finish(.unknown, attempts: 1))
    #expect(client.isIdle)
    // The next operation is of the same session, has the next number, and goes elsewhere.
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

  @Test("Where updates and reads go is remembered apart")
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
    "Where nothing is sent again, a refusal fails an operation and a lost connection leaves it unknown"
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
    // An answer that comes too late for the operation before says nothing of this one.
    #expect(client.receive(reply(1, .redirect(nil)), at: at(710)) == .nothing)
    #expect(
      client.lostConnection(to: ReplicaID(0), at: at(720)) == .finish(.unknown, attempts: 1))
    #expect(target(client.begin(.add(1), due: at(800), at: at(800))) == 0)
    #expect(client.wake(at: at(1800)) == .finish(.unknown, attempts: 1))
  }
}
