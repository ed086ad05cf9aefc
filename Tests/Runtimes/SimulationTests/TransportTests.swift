import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import StateMachines
import Stubs
import Testing
import Trials

@testable import Simulation

@Suite struct TransportTests {
  private static func fault(
    _ at: Int64, until end: Int64, _ action: FaultAction
  ) -> TimedFault {
    TimedFault(at: .milliseconds(at), duration: .milliseconds(end - at), action: action)
  }

  /// Node 1's notes of the messages that node 0 sent at these milliseconds; each message is named
  /// after its time.
  private func notes(
    _ times: [UInt64], until end: Int64, latency: Int64 = 1, _ transport: NetworkTransport = .tcp,
    faults: [TimedFault]
  ) -> [String] {
    var trial = probes(2, faults: faults) {
      $0.environment.network = steady(latency, transport)
      $0.plan.duration = .seconds(60)
    }
    for time in times {
      trial.pass(to: Int64(time))
      trial.world.transmit(
        time, from: 0, to: 1, bytes: 0, departing: .zero + .milliseconds(Int64(time)))
    }
    trial.pass(to: end)
    return trial.nodes[1].host.core.notes.filter { !$0.hasPrefix("start") }
  }

  private func loss(_ share: Double, until end: Instant, _ network: inout NetworkState) {
    var what = LinkDegradation()
    what.loss = share
    var ledger = FaultLedger(drifts: [0, 0, 0])
    ledger.add(.degraded([0], what, until: end), key: 1)
    network.adopt(ledger)
  }

  @Test(
    "A lost segment arrives a round trip later, and if lost again after a timer that doubles")
  func retransmission() {
    let lasting: [(until: Instant, arrival: Instant)] = [
      (1_000_000, 3_000_000), (3_000_000, 205_000_000), (205_000_000, 607_000_000),
    ]
    for (until, arrival) in lasting {
      var network = network(steady(1))
      loss(1, until: until, &network)
      #expect(network.arrival(0, 1) == arrival)
      // Later messages wait for it; other connections do not.
      #expect(network.arrival(0, 1, at: until) == arrival)
      #expect(network.arrival(1, 2) == 1_000_000)
      #expect(network.request(1, to: 0) == arrival)
      #expect(network.request(2, to: 1) == 1_000_000)
    }
  }

  @Test(
    "Over TCP, loss drops and reorders no message, but delays those lost again")
  func lossIsDelay() {
    var model = steady(1)
    model.loss = 0.2
    var network = network(model)
    let delays = (0..<2000).map { number in
      let time = Instant.zero + .seconds(1) * number
      return network.arrival(0, 1, at: time)! - time
    }
    let lost = delays.filter { $0 > 1_000_000 }.count
    let again = delays.filter { $0 > 200_000_000 }.count
    #expect(abs(lost - 400) < 60 && abs(again - 80) < 30)
    #expect(delays.allSatisfy { $0 == 1_000_000 || $0 == 3_000_000 || $0 >= 205_000_000 })
    let closer = (0..<2000).map {
      network.arrival(0, 1, at: .zero + .seconds(1_000_000) + .microseconds(100) * $0)!
    }
    #expect(zip(closer, closer.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test("A silent connection is given up after a limit, with the messages sent on it")
  func givenUp() {
    var network = network(steady(1))
    loss(1, until: .never, &network)
    #expect(network.route(from: 0, to: 1, bytes: 1, departing: 0) == .lost)
  }

  @Test("Messages sent during a partition arrive with the first retransmission after it, in order")
  func partition() {
    let cut = [Self.fault(5, until: 300, .partition(.isolate(.replica(0))))]
    // Retransmissions come 202 and 202 + 402 ms after the first message that was held.
    #expect(
      notes([4, 10, 100, 400, 613, 615], until: 1000, faults: cut)
        == ["4@5000", "10@615000", "100@615000", "400@615000", "613@615000", "615@616000"])
    #expect(
      notes([4, 10, 299, 400], until: 1000, .datagram, faults: cut) == ["4@5000", "400@401000"])
  }

  @Test("A second partition may begin before the messages held by the first one have left")
  func partitionAgain() {
    let cuts = [
      Self.fault(5, until: 300, .partition(.isolate(.replica(0)))),
      Self.fault(600, until: 700, .partition(.isolate(.replica(0)))),
    ]
    // The retransmission at 614 ms fails, and the next one comes 802 ms later.
    #expect(notes([10, 500], until: 3000, faults: cuts) == ["10@1417000", "500@1417000"])
  }

  @Test(
    "A partition longer than its connections loses their messages; new connections work")
  func longPartition() {
    let cut = [Self.fault(5, until: 20_000, .partition(.isolate(.replica(0))))]
    #expect(notes([10, 19_000, 20_001], until: 30_000, faults: cut) == ["20001@20002000"])
    let shorter = [Self.fault(5, until: 13_000, .partition(.isolate(.replica(0))))]
    // The seventh retransmission would come after the connection has been given up.
    #expect(notes([10, 15_009, 15_011], until: 30_000, faults: shorter) == ["15011@15012000"])
  }

  @Test("Too many messages waiting on a link are dropped from its end")
  func bound() {
    var trial = probes(2)
    trial.world.network.adopt(
      {
        var ledger = FaultLedger(drifts: [0, 0])
        ledger.add(.cut([(from: 0, to: 1)]), key: 1)
        return ledger
      }())
    for number in 0..<5 as Range<UInt64> {
      trial.world.transmit(number, from: 0, to: 1, bytes: 30 << 20, departing: 0)
    }
    #expect(trial.world.held[1].map(\.message) == [0, 1])
  }

  @Test("Over TCP a connection ends with its process, and no message reaches the next process")
  func incarnations() {
    let crash = [Self.fault(5, until: 8, .crash(.replica(1), disk: .kept))]
    let times: [UInt64] = [1, 4, 6, 9]
    #expect(
      notes(times, until: 50, latency: 10, faults: crash) == ["9@19000"])
    #expect(
      notes(times, until: 50, latency: 10, .datagram, faults: crash)
        == ["1@11000", "4@14000", "6@16000", "9@19000"])
    // Messages held by a partition are not delivered to another process, either.
    let both = crash + [Self.fault(2, until: 100, .partition(.isolate(.replica(0))))]
    #expect(notes([4, 9], until: 500, faults: both) == ["9@207000"])
  }

  @Test(
    "A dead process's messages still arrive; requests end with the process asked"
  )
  func deadSender() {
    let crash = [Self.fault(5, until: 8, .crash(.replica(0), disk: .kept))]
    #expect(notes([4], until: 50, latency: 10, faults: crash) == ["4@14000"])
    var trial = probes(1) { $0.environment.network = steady(10) }
    let request = ClientRequest(
      id: RequestID(client: ClientID(1), sequence: 1), command: CounterLoad.Application.Command.read
    )
    trial.world.send(request, to: ReplicaID(0), at: .zero)
    trial.pass(to: 5)
    trial.crash(0, disk: .kept)
    trial.nodes[0].restart(in: &trial.world)
    trial.pass(to: 20)
    #expect(trial.nodes[0].usage.messagesReceived == 0)
  }
}
