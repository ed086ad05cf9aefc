import Clients
import Replication
import StateMachines
import Testing

/// Tests clients that begin single operations, like those of a gateway.
@Suite struct ClientFleetTests {
  typealias Fleet = ClientFleet<Counter>

  /// Clients retry after 100 ms, pause for 5 ms and give up after a second.
  func fleet(_ count: Int = 0, resends: Bool = true) -> Watched<Fleet> {
    Watched(
      Fleet(
        count: count, replicas: [ReplicaID(0), ReplicaID(1)], timeout: .seconds(1), firstID: 10,
        resends: resends, patience: .fixed(.milliseconds(100))))
  }

  func reply(
    to client: UInt64, _ sequence: UInt64, _ result: ClientReply<UInt64>.Result
  ) -> ClientReply<UInt64> {
    ClientReply(id: RequestID(client: ClientID(client), sequence: sequence), result: result)
  }

  @Test("Added clients have the next numbers and can begin at once")
  func growth() {
    var fleet = fleet()
    #expect(fleet.subject.add() == 0 && fleet.subject.add() == 1)
    #expect(fleet.machines.map(\.id.rawValue) == [10, 11])
    fleet.begin(.add(5), by: 1, due: at(3), at: at(4))
    #expect(
      fleet.takeEffects() == [
        .send(client: 11, to: ReplicaID(1), at: at(4)), .schedule(.wakes(1), at: at(104)),
      ])
    let request = ClientRequest(
      id: RequestID(client: ClientID(11), sequence: 1), command: Counter.Command.add(5))
    #expect(fleet.runtime.requests == [request])
    #expect(fleet.machines[1].progress.deadline == at(1003))
  }

  @Test("An answer ends its client's operation; answers to other fleets' clients have no effect")
  func answers() {
    var fleet = fleet(2)
    for client in 0...1 { fleet.begin(.add(1), by: client, due: at(0), at: at(0)) }
    fleet.runtime.effects = []
    for stranger in [0, 9, 12, .max] as [UInt64] {
      #expect(fleet.receive(reply(to: stranger, 1, .answer(1)), at: at(1)) == nil)
    }
    #expect(
      fleet.receive(reply(to: 11, 1, .answer(7)), at: at(1))
        == Ending(client: 1, outcome: .answered(7), attempts: 1))
    #expect(fleet.machines.map(\.isIdle) == [false, true])
    #expect(fleet.takeEffects() == [])
  }

  @Test("A redirect is followed at once; an earlier wake-up replaces the one scheduled for later")
  func redirects() {
    var fleet = fleet(1)
    fleet.begin(.add(1), by: 0, due: at(0), at: at(0))
    fleet.runtime.effects = []
    #expect(fleet.receive(reply(to: 10, 1, .redirect(ReplicaID(1))), at: at(1)) == nil)
    #expect(fleet.takeEffects() == [.send(client: 10, to: ReplicaID(1), at: at(1))])
    #expect(fleet.receive(reply(to: 10, 1, .redirect(nil)), at: at(2)) == nil)
    #expect(fleet.takeEffects() == [.schedule(.wakes(0), at: at(7))])
    #expect(fleet.wake(0, at: at(7)) == nil)
    #expect(
      fleet.takeEffects() == [
        .send(client: 10, to: ReplicaID(0), at: at(7)), .schedule(.wakes(0), at: at(107)),
      ])
  }

  @Test("One wake-up is scheduled at a time, however many operations pass before it comes")
  func wakesOnce() {
    var fleet = fleet(1)
    for operation in 0..<5 as Range<Int64> {
      fleet.begin(.add(1), by: 0, due: at(operation), at: at(operation))
      _ = fleet.receive(reply(to: 10, UInt64(operation) + 1, .answer(1)), at: at(operation))
    }
    fleet.begin(.add(1), by: 0, due: at(50), at: at(50))
    let effects = fleet.takeEffects()
    #expect(effects.count { if case .schedule = $0 { true } else { false } } == 1)
    #expect(effects[1] == .schedule(.wakes(0), at: at(100)))
    // The wake-up comes too early for the sixth operation, and is scheduled again.
    #expect(fleet.wake(0, at: at(100)) == nil)
    #expect(fleet.takeEffects() == [.schedule(.wakes(0), at: at(150))])
    // An early wake-up leaves the scheduled one in place.
    #expect(fleet.wake(0, at: at(120)) == nil)
    #expect(fleet.takeEffects() == [])
    #expect(fleet.wake(0, at: at(150)) == nil)
    #expect(
      fleet.takeEffects() == [
        .send(client: 10, to: ReplicaID(1), at: at(150)), .schedule(.wakes(0), at: at(250)),
      ])
  }

  @Test("A wake-up of an idle client is forgotten, so that its next operation schedules one")
  func wakesIdle() {
    var fleet = fleet(1)
    fleet.begin(.add(1), by: 0, due: at(0), at: at(0))
    _ = fleet.receive(reply(to: 10, 1, .answer(1)), at: at(1))
    fleet.runtime.effects = []
    #expect(fleet.wake(0, at: at(100)) == nil)
    #expect(fleet.takeEffects() == [])
    fleet.begin(.add(1), by: 0, due: at(200), at: at(200))
    #expect(fleet.takeEffects().last == .schedule(.wakes(0), at: at(300)))
  }

  @Test("An operation without an answer ends at its deadline")
  func deadline() {
    var fleet = fleet(1, resends: false)
    fleet.begin(.add(1), by: 0, due: at(0), at: at(0))
    var ending: Ending?
    var times: [Instant] = []
    while ending == nil, case .schedule(.wakes(0), let time)? = fleet.takeEffects().last {
      times.append(time)
      ending = fleet.wake(0, at: time)
    }
    #expect(ending == Ending(client: 0, outcome: .unknown, attempts: 1))
    #expect(times == [at(1000)])
  }

  @Test("A lost connection affects only the clients that used it, found by their identities")
  func lostConnections() {
    var fleet = fleet(5, resends: false)
    func lost(_ remainder: Int, _ stride: Int) -> [Int] {
      fleet.subject.clients(
        using: LostConnection(replica: ReplicaID(0), remainder: remainder, stride: stride))
    }
    #expect(lost(0, 1) == [0, 1, 2, 3, 4])
    #expect(lost(1, 2) == [1, 3])
    #expect(lost(2, 3) == [1, 4])
    #expect(lost(12, .max) == [2])
    for client in 0...1 { fleet.begin(.add(1), by: client, due: at(0), at: at(0)) }
    fleet.runtime.effects = []
    // Client 1 uses the other replica.
    for (client, isLost) in [(0, true), (1, false)] {
      let ending = fleet.lose(connectionTo: ReplicaID(0), of: client, at: at(1))
      #expect(
        ending == (isLost ? Ending(client: client, outcome: .unknown, attempts: 1) : nil))
    }
    #expect(fleet.takeEffects() == [])
  }

  @Test("A client that may resend pauses after a lost connection, then asks the next replica")
  func lostAndResent() {
    var fleet = fleet(1)
    fleet.begin(.add(1), by: 0, due: at(0), at: at(0))
    fleet.runtime.effects = []
    #expect(fleet.lose(connectionTo: ReplicaID(0), of: 0, at: at(5)) == nil)
    #expect(fleet.takeEffects() == [.schedule(.wakes(0), at: at(10))])
    #expect(fleet.wake(0, at: at(10)) == nil)
    #expect(fleet.takeEffects().first == .send(client: 10, to: ReplicaID(1), at: at(10)))
  }

  @Test("A later client asks the replica that answered the others, with a longer timer than theirs")
  func latecomer() {
    var fleet = Watched(
      Fleet(count: 1, replicas: [ReplicaID(0), ReplicaID(1)], timeout: .seconds(10), firstID: 10))
    fleet.begin(.add(1), by: 0, due: at(0), at: at(0))
    _ = fleet.receive(reply(to: 10, 1, .answer(1)), from: ReplicaID(0), at: at(2))
    #expect(fleet.subject.add() == 1)
    fleet.runtime.effects = []
    fleet.begin(.add(1), by: 1, due: at(3), at: at(3))
    // The first client's timer is three times 2 ms, and the second client waits twice as long.
    #expect(
      fleet.takeEffects() == [
        .send(client: 11, to: ReplicaID(0), at: at(3)), .schedule(.wakes(1), at: at(15)),
      ])
  }
}
