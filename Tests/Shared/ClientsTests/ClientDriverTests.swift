import Clients
import Primitives
import Replication
import StateMachines
import Stubs
import Testing

@Suite struct ClientDriverTests {
  typealias Driver = ClientDriver<CounterLoad>
  typealias Begun = CounterLoad.Begun
  typealias Dropped = CounterLoad.Dropped

  static let millisecond: Int64 = 1_000_000

  /// Clients retry after 100 ms, pause for 5 ms and give up after a second.
  func driver(
    _ count: Int = 1, arrival: Arrival = .closed, timeout: Interval = .seconds(1),
    thinkTime: Interval = .zero, resends: Bool = true
  ) -> Watched<Driver> {
    Watched(
      Driver(
        load: CounterLoad([.add(1)], hasProbes: true), count: count, replicas: [ReplicaID(0)],
        arrival: arrival,
        timeout: timeout, thinkTime: thinkTime, random: RandomStream(seed: 1), firstID: 10,
        resends: resends, patience: .fixed(.milliseconds(100))))
  }

  /// The first client that reads back after the trial.
  let reader = ClientNumbers.firstReader

  /// One operation per millisecond.
  let steady = Arrival.open(rate: 1_000, process: .constant)

  func reply(
    to client: Int, _ sequence: UInt64, _ result: ClientReply<UInt64>.Result = .answer(1)
  ) -> ClientReply<UInt64> {
    ClientReply(
      id: RequestID(client: ClientID(UInt64(10 + client)), sequence: sequence), result: result)
  }

  func scheduled(_ effects: [NotedRuntime.Effect]) -> [ClientEvent] {
    effects.compactMap { if case .schedule(let event, _) = $0 { event } else { nil } }
  }

  @Test("Clients of a closed loop begin within a millisecond, at different times")
  func start() {
    var driver = driver(3)
    driver.start(until: at(1000))
    var random = RandomStream(seed: 1)
    let effects = (0..<3).map {
      NotedRuntime.Effect.schedule(
        .ready($0), at: Instant(nanoseconds: Int64(random.below(1_000_000))))
    }
    #expect(driver.takeEffects() == effects)
    #expect(driver.load.begun == [])
  }

  @Test("A client of a closed loop begins its next operation a nanosecond after the answer")
  func closedLoop() {
    var driver = driver()
    driver.start(until: at(1000))
    driver.runtime.effects = []
    driver.handle(.ready(0), at: at(1))
    #expect(
      driver.takeEffects() == [
        .send(client: 10, to: ReplicaID(0), at: at(1)), .schedule(.wakes(0), at: at(101)),
      ])
    driver.receive(reply(to: 0, 1), at: at(2))
    let next = at(2) + .nanoseconds(1)
    // Its wake-up is already scheduled.
    #expect(driver.takeEffects() == [.send(client: 10, to: ReplicaID(0), at: next)])
    let start = Self.millisecond
    #expect(
      driver.load.begun == [
        Begun(client: 0, sequence: 1, due: start, at: start),
        Begun(client: 0, sequence: 2, due: 2 * start + 1, at: 2 * start + 1),
      ])
    #expect(
      driver.load.ended == [
        CounterLoad.Ended(client: 0, outcome: .answered(1), attempts: 1, at: 2 * start)
      ])
    #expect(driver.answered == 1)
  }

  @Test("A client without an answer continues after its deadline, and the operation does not count")
  func silence() {
    var driver = driver(timeout: .milliseconds(50))
    driver.start(until: at(1000))
    driver.handle(.ready(0), at: at(0))
    driver.runtime.effects = []
    driver.handle(.wakes(0), at: at(50))
    #expect(driver.load.ended.map(\.outcome) == [.unknown])
    #expect(driver.load.begun.last?.at == 50 * Self.millisecond + 1)
    #expect(driver.answered == 0)
  }

  @Test("A client with a think time is ready after that time")
  func thinkTime() {
    var driver = driver(thinkTime: .milliseconds(7))
    driver.start(until: at(1000))
    driver.handle(.ready(0), at: at(1))
    driver.runtime.effects = []
    driver.receive(reply(to: 0, 1), at: at(2))
    #expect(driver.takeEffects() == [.schedule(.ready(0), at: at(9))])
    driver.handle(.ready(0), at: at(9))
    #expect(driver.load.begun.map(\.due) == [Self.millisecond, 9 * Self.millisecond])
  }

  @Test("Operations of an open loop come due until the end, independent of the clients")
  func arrivals() {
    func times(_ process: ArrivalProcess, answering: Bool) -> [Int64] {
      var driver = driver(2, arrival: .open(rate: 1_000, process: process))
      driver.start(until: at(20))
      var times: [Int64] = []
      while times.count < 1000 {
        let due = driver.takeEffects().compactMap { effect -> Int64? in
          if case .schedule(.operationDue, let time) = effect { time.nanoseconds } else { nil }
        }
        guard let time = due.first else { return times }
        #expect(due.count == 1)
        times.append(time)
        driver.handle(.operationDue, at: Instant(nanoseconds: time))
        guard answering, let last = driver.load.begun.last else { continue }
        driver.receive(
          reply(to: last.client, last.sequence), at: Instant(nanoseconds: time + 1000))
      }
      return times
    }
    #expect(times(.constant, answering: false) == (1...19).map { $0 * Self.millisecond })
    let poisson = times(.poisson, answering: false)
    #expect(poisson.count > 5)
    #expect(poisson.allSatisfy { $0 < 20 * Self.millisecond })
    #expect(Set(zip(poisson, poisson.dropFirst()).map { $1 - $0 }).count == poisson.count - 1)
    #expect(times(.poisson, answering: true) == poisson)
  }

  @Test("The idle client with the lowest number begins first, then the one that became idle last")
  func idleClients() {
    var driver = driver(3, arrival: steady)
    driver.start(until: at(100))
    for time in 1...2 as ClosedRange<Int64> { driver.handle(.operationDue, at: at(time)) }
    driver.receive(reply(to: 0, 1), at: at(2))
    driver.handle(.operationDue, at: at(3))
    #expect(driver.load.begun.map(\.client) == [0, 1, 0])
  }

  @Test("Operations due while all clients are busy wait in order, timed from when they were due")
  func busyClients() {
    var driver = driver(arrival: steady)
    driver.mostClients = 1
    driver.start(until: at(100))
    for time in 1...3 as ClosedRange<Int64> { driver.handle(.operationDue, at: at(time)) }
    driver.runtime.effects = []
    driver.receive(reply(to: 0, 1), at: at(5))
    driver.receive(reply(to: 0, 2), at: at(6))
    #expect(driver.load.begun.map(\.due) == (1...3).map { $0 * Self.millisecond })
    #expect(
      driver.load.begun.map(\.at) == [
        Self.millisecond, 5 * Self.millisecond + 1, 6 * Self.millisecond + 1,
      ])
    #expect(driver.fleet.machines[0].progress.deadline == at(1003))
    driver.receive(reply(to: 0, 3), at: at(7))
    #expect(driver.idle == [0])
    // An operation that is handled late was due at its own time, too.
    driver.handle(.operationDue, at: at(9))
    let last = Begun(
      client: 0, sequence: 4, due: 4 * Self.millisecond, at: 9 * Self.millisecond)
    #expect(driver.load.begun.last == last)
  }

  @Test("An operation that can hardly be answered in time is dropped when a client becomes idle")
  func dropped() {
    var driver = driver(arrival: steady, timeout: .milliseconds(10))
    driver.start(until: at(100))
    driver.mostClients = 1
    for time in 1...2 as ClosedRange<Int64> { driver.handle(.operationDue, at: at(time)) }
    driver.receive(reply(to: 0, 1), at: at(2))
    for time in 3...6 as ClosedRange<Int64> { driver.handle(.operationDue, at: at(time)) }
    // The answers took 1 ms and 11 ms, smoothed 2.25 ms.
    driver.receive(reply(to: 0, 2), at: at(13))
    let now = 13 * Self.millisecond
    #expect(driver.load.dropped == (3...5).map { Dropped(due: $0 * Self.millisecond, at: now) })
    #expect(driver.load.begun.last?.due == 6 * Self.millisecond && driver.dropped == 3)
  }

  @Test("Every due operation of an open loop is sent at once, by a new client if all are busy")
  func growth() {
    var driver = driver(2, arrival: steady)
    driver.start(until: at(100))
    for time in 1...50 as ClosedRange<Int64> { driver.handle(.operationDue, at: at(time)) }
    #expect(driver.fleet.machines.count == 50)
    #expect(driver.load.begun.allSatisfy { $0.due == $0.at })
    #expect(driver.load.begun.map(\.client) == Array(0..<50))
    driver.receive(reply(to: 49, 1), at: at(50))
    driver.handle(.operationDue, at: at(51))
    #expect(driver.load.begun.last?.client == 49 && driver.fleet.machines.count == 50)
  }

  @Test("Before the first answer an open loop has at most 1000 operations under way")
  func noStorm() {
    var driver = driver(2, arrival: steady)
    driver.start(until: at(100_000))
    for time in 1...3000 as ClosedRange<Int64> { driver.handle(.operationDue, at: at(time)) }
    #expect(driver.fleet.machines.count == 1000)
  }

  @Test("Without resending, a client of a closed loop pauses after a refusal")
  func refusals() {
    for arrival in [Arrival.closed, steady] {
      var driver = driver(arrival: arrival, resends: false)
      driver.start(until: at(100))
      driver.handle(arrival == .closed ? .ready(0) : .operationDue, at: at(1))
      driver.runtime.effects = []
      driver.receive(reply(to: 0, 1, .redirect(nil)), at: at(2))
      #expect(driver.load.ended.map(\.outcome) == [.failed])
      #expect(
        driver.takeEffects()
          == (arrival == .closed ? [.schedule(.ready(0), at: at(22))] : []))
      #expect(driver.idle == (arrival == .closed ? [] : [0]))
    }
    // After an answer the client does not pause.
    var driver = driver(resends: false)
    driver.start(until: at(100))
    driver.handle(.ready(0), at: at(1))
    driver.receive(reply(to: 0, 1), at: at(2))
    #expect(driver.load.begun.count == 2)
  }

  @Test("A lost connection ends or delays only the operations of its own clients")
  func lostConnections() {
    let lost = LostConnection(replica: ReplicaID(0), remainder: 1, stride: 2)
    for resends in [true, false] {
      var driver = driver(4, resends: resends)
      driver.start(until: at(100))
      for client in 0...3 { driver.handle(.ready(client), at: at(1)) }
      driver.runtime.effects = []
      driver.lose(lost, at: at(2))
      let effects = [1, 3].map {
        NotedRuntime.Effect.schedule(resends ? .wakes($0) : .ready($0), at: at(resends ? 7 : 22))
      }
      #expect(driver.takeEffects() == effects)
      #expect(driver.load.ended.map(\.client) == (resends ? [] : [1, 3]))
    }
  }

  @Test("Before the start and after the end, events have no effect")
  func silentPhases() {
    var driver = driver(2)
    func disturb(_ driver: inout Watched<Driver>) {
      driver.handle(.ready(1), at: at(50))
      driver.handle(.wakes(0), at: at(5_000))
      driver.handle(.operationDue, at: at(50))
      driver.receive(reply(to: 0, 1), at: at(50))
      driver.lose(LostConnection(replica: ReplicaID(0), remainder: 0, stride: 1), at: at(50))
    }
    disturb(&driver)
    #expect(driver.load.begun == [])
    #expect(driver.takeEffects() == [])
    driver.start(until: at(40))
    driver.handle(.ready(0), at: at(1))
    driver.close(at: at(40))
    driver.runtime.effects = []
    disturb(&driver)
    #expect(driver.load.closed == [40 * Self.millisecond])
    #expect(driver.load.begun.count == 1)
    #expect(driver.load.ended == [])
    #expect(driver.takeEffects() == [])
  }

  @Test("Clients are busy while operations are under way within the measured interval")
  func busyTime() {
    var driver = Watched(
      Driver(
        load: CounterLoad([.add(1)]), count: 2, replicas: [ReplicaID(0)], arrival: .closed,
        timeout: .seconds(1), thinkTime: .milliseconds(5), random: RandomStream(seed: 1),
        firstID: 10, limits: LoadLimits(countedFrom: at(10))))
    driver.load.touched = 1
    driver.start(until: at(40))
    for client in 0...1 { driver.handle(.ready(client), at: at(1)) }
    driver.receive(reply(to: 0, 1), at: at(4))
    driver.handle(.ready(0), at: at(9))
    #expect(driver.busy.underWay == 2 && driver.busy.total(until: at(10)) == .zero)
    driver.receive(reply(to: 0, 2), at: at(12))
    driver.handle(.ready(0), at: at(17))
    driver.receive(reply(to: 0, 3), at: at(30))
    driver.receive(reply(to: 1, 1), at: at(41))
    // A turn of a real driver may begin operations after the end.
    driver.handle(.ready(0), at: at(42))
    driver.close(at: at(43))
    // 2 + 13 ms of the first client, and 30 ms of the second.
    #expect(driver.busy.total(until: at(40)) == .milliseconds(45))
    _ = driver.beginReadBack(timeout: .seconds(5), at: at(50))
    #expect(driver.busy.total(until: at(40)) == .milliseconds(45))
  }

  @Test("The end drops operations without a client before the load is closed")
  func neverBegun() {
    var driver = driver(arrival: steady)
    driver.mostClients = 1
    driver.start(until: at(100))
    for time in 1...4 as ClosedRange<Int64> { driver.handle(.operationDue, at: at(time)) }
    driver.receive(reply(to: 0, 1), at: at(5))
    driver.close(at: at(6))
    let now = 6 * Self.millisecond
    #expect(driver.load.dropped == (3...4).map { Dropped(due: $0 * Self.millisecond, at: now) })
    #expect(driver.load.closed == [now])
    // Closing again has no effect.
    driver.close(at: at(7))
    #expect(driver.load.dropped.count == 2)
  }

  @Test("New clients read back all touched keys, each beginning at once after its last read")
  func readBack() {
    for arrival in [Arrival.closed, steady] {
      var driver = driver(2, arrival: arrival, thinkTime: .milliseconds(7))
      driver.load.touched = 3
      driver.start(until: at(100))
      driver.handle(arrival == .closed ? .ready(0) : .operationDue, at: at(1))
      driver.receive(reply(to: 0, 1), at: at(2))
      driver.close(at: at(100))
      let before = driver.load.begun.count
      driver.runtime.effects = []
      #expect(driver.answered == 1)
      #expect(driver.beginReadBack(timeout: .seconds(5), at: at(200)) == 3)
      #expect(driver.answered == 0)
      #expect(driver.fleet.machines.map(\.id.rawValue) == [1_000_010, 1_000_011])
      #expect(driver.fleet.machines.allSatisfy { $0.progress.deadline == at(5_200) })
      #expect(
        driver.takeEffects() == [
          .send(client: 1_000_010, to: ReplicaID(0), at: at(200)),
          .schedule(.wakes(0), at: at(300)),
          .send(client: 1_000_011, to: ReplicaID(0), at: at(200)),
          .schedule(.wakes(1), at: at(300)),
        ])
      // A late answer to one of the first clients is ignored.
      driver.receive(reply(to: 0, 1), at: at(200))
      for client in [reader, reader + 1] { driver.receive(reply(to: client, 1), at: at(201)) }
      let reads = driver.load.begun.dropFirst(before).map { [$0.client, Int($0.sequence)] }
      #expect(reads == [[0, 1], [1, 1], [0, 2]])
      #expect(!driver.hasReadBack)
      driver.receive(reply(to: reader, 2), at: at(202))
      #expect(driver.hasReadBack && driver.answered == 3)
      #expect(driver.load.begun.count == before + 3)
      #expect(scheduled(driver.takeEffects()) == [])
    }
  }

  @Test("There are at most as many readers as reads, and no operation begins after the last read")
  func fewReads() {
    var driver = driver(4, resends: false)
    driver.load.touched = 1
    driver.start(until: at(100))
    driver.close(at: at(100))
    #expect(driver.beginReadBack(timeout: .seconds(1), at: at(200)) == 1)
    #expect(driver.fleet.machines.count == 1)
    // A refused read counts as finished, too.
    driver.receive(reply(to: reader, 1, .redirect(nil)), at: at(201))
    #expect(driver.hasReadBack && driver.answered == 0)
    driver.handle(.ready(0), at: at(221))
    #expect(driver.load.begun.count == 1)
  }

  @Test("While a reader pauses, remaining reads keep the reading back from ending")
  func pausingReader() {
    var driver = driver(resends: false)
    driver.load.touched = 2
    driver.start(until: at(100))
    driver.close(at: at(100))
    _ = driver.beginReadBack(timeout: .seconds(1), at: at(200))
    driver.receive(reply(to: reader, 1, .redirect(nil)), at: at(201))
    #expect(driver.fleet.machines.allSatisfy(\.isIdle) && !driver.hasReadBack)
    driver.handle(.ready(0), at: at(221))
    driver.receive(reply(to: reader, 2), at: at(222))
    #expect(driver.hasReadBack && driver.answered == 1)
  }
}
