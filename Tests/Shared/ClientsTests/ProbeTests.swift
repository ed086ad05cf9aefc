import Clients
import Primitives
import Replication
import StateMachines
import Stubs
import Testing

/// Tests the probes of a driver whose load has no operation before they end.
@Suite("Probes") struct ProbeTests {
  typealias Driver = ClientDriver<CounterLoad>

  func driver(rate: Double = 200) -> Watched<Driver> {
    Watched(
      Driver(
        load: CounterLoad([.add(1)], hasProbes: true), count: 1, replicas: [ReplicaID(0)],
        arrival: .closed,
        timeout: .seconds(1), thinkTime: .zero, random: RandomStream(seed: 1), firstID: 10,
        probes: (rate, 7)))
  }

  func dueTimes(_ effects: [NotedRuntime.Effect]) -> [Instant] {
    effects.compactMap { if case .schedule(.probeDue, let time) = $0 { time } else { nil } }
  }

  /// Lets probes come due until `end`; those for which `answers` returns true are answered at once.
  func run(
    _ driver: inout Watched<Driver>, until end: Instant, answers: (Instant) -> Bool = { _ in true }
  ) {
    driver.start(until: end)
    var due = dueTimes(driver.takeEffects()).first
    while let time = due {
      driver.handle(.probeDue, at: time)
      if answers(time), let request = driver.runtime.requests.last {
        driver.receive(ClientReply(id: request.id, result: .answer(1)), at: time)
      }
      due = dueTimes(driver.takeEffects()).first
    }
  }

  @Test("Reads and writes alternate, each at the rate, whether or not they are answered")
  func rate() {
    for answers in [true, false] {
      var driver = driver()
      run(&driver, until: at(1000)) { _ in answers }
      let probes = driver.load.probes
      #expect(probes.count == 400)
      #expect(probes.map(\.isRead) == (0..<400).map { $0 % 2 == 0 })
      let gaps = zip(probes, probes.dropFirst()).map { $1.due - $0.due }
      #expect(gaps.allSatisfy { abs($0 - 2_500_000) <= 1 })
      #expect(driver.load.endedProbes.count == (answers ? 400 : 0))
      #expect(driver.load.begun == [] && driver.answered == 0)
    }
  }

  @Test("While probes are unanswered, new clients send the next ones; an old probe is given up")
  func hanging() {
    var driver = driver()
    run(&driver, until: at(100)) { _ in false }
    let requests = driver.runtime.requests.map(\.id.client.rawValue)
    #expect(requests.count == 40 && Set(requests).count == 40)
    #expect(requests.allSatisfy { $0 >= 10 + UInt64(ClientNumbers.firstProbe) })
    driver.handle(.probeWakes(0), at: at(2_200))
    #expect(driver.load.endedProbes == [.unknown])
    #expect(driver.subject.probes?.idle == [0])
  }

  @Test("All probe clients take turns, so that each learns how long answers take")
  func turns() {
    var driver = driver()
    run(&driver, until: at(100))
    #expect(driver.subject.probes?.fleet.machines.allSatisfy { $0.sequence >= 2 } == true)
    #expect(driver.subject.probes?.fleet.machines.count == 16)
  }

  @Test("Probes end with the trial, and none is sent while clients read back")
  func end() {
    var driver = driver()
    run(&driver, until: at(10)) { _ in false }
    driver.load.touched = 1
    driver.close(at: at(10))
    _ = driver.beginReadBack(timeout: .seconds(1), at: at(20))
    let count = driver.load.probes.count
    driver.handle(.probeDue, at: at(21))
    driver.handle(.probeWakes(0), at: at(5000))
    let late = RequestID(client: ClientID(UInt64(10 + ClientNumbers.firstProbe)), sequence: 1)
    driver.receive(ClientReply(id: late, result: .answer(1)), at: at(22))
    #expect(driver.load.probes.count == count && driver.load.endedProbes == [])
  }

  @Test("Probes have a random stream of their own, so the load's arrivals stay the same")
  func arrivals() {
    func times(probes: Bool) -> [Int64] {
      var driver = Watched(
        Driver(
          load: CounterLoad([.add(1)], hasProbes: true), count: 1, replicas: [ReplicaID(0)],
          arrival: .open(rate: 1000, process: .poisson), timeout: .seconds(1), thinkTime: .zero,
          random: RandomStream(seed: 1), probes: probes ? (200, 7) : nil))
      driver.start(until: at(50))
      var times: [Int64] = []
      var pending = driver.takeEffects()
      while !pending.isEmpty {
        guard case .schedule(let event, let time) = pending.removeFirst() else { continue }
        if event == .operationDue { times.append(time.nanoseconds) }
        if event == .operationDue || event == .probeDue { driver.handle(event, at: time) }
        pending += driver.takeEffects()
      }
      return times
    }
    #expect(times(probes: true) == times(probes: false) && times(probes: true).count > 20)
  }
}
