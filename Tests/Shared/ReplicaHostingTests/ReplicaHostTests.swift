import ReplicaHosting
import Replication
import StateMachines
import Stubs
import Testing

@Suite struct ReplicaHostTests {
  typealias Host = ReplicaHost<ScriptedCore, Counter>
  typealias Reply = ClientReply<UInt64>

  func host(seed: UInt64 = 1) -> Host {
    Host(
      id: ReplicaID(0), membership: Membership(replicas: 3), options: ScriptedCore.Options(),
      seed: seed)
  }

  func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
    RequestID(client: ClientID(client), sequence: sequence)
  }

  func add(_ id: RequestID, _ amount: UInt64) -> Host.Request {
    Host.Request(id: id, command: .add(amount))
  }

  func batch(_ requests: [Host.Request]) -> Batch {
    Batch(requests.map { (id: $0.id, command: $0.command) })
  }

  /// Runs a turn in which the core commits these batches, and returns the replies.
  func commit(
    _ batches: [Batch], on host: inout Host, answering: Bool = true
  ) -> [Reply] {
    var index = host.appliedIndex
    for batch in batches {
      index = index.next
      host.effects.commit(batch, at: index, answering: answering)
    }
    host.endTurn(at: .zero)
    defer { host.clearTurn() }
    return host.replies
  }

  @Test("All updates of a turn become one batch, in the order of their arrival")
  func batching() {
    var host = host()
    for client in [5, 3, 9] as [UInt64] { host.submit(add(id(client, 1), 1)) }
    #expect(host.core.requested.isEmpty)
    host.endTurn(at: .zero)
    #expect(host.core.requested.map(\.requestIDs) == [[id(5, 1), id(3, 1), id(9, 1)]])
    host.clearTurn()
    host.endTurn(at: .zero)
    #expect(host.core.requested.count == 1)
  }

  @Test("A batch is closed at 256 requests, and at 256 KiB")
  func limits() {
    var host = host()
    for client in 0..<600 { host.submit(add(id(UInt64(client), 1), 1)) }
    host.endTurn(at: .zero)
    #expect(host.core.requested.map(\.count) == [256, 256, 88])
    var store = ReplicaHost<ScriptedCore, KeyValueStore>(
      id: ReplicaID(0), membership: Membership(replicas: 1), options: ScriptedCore.Options(),
      seed: 1)
    let value = Array(repeating: UInt8(1), count: 100 << 10)
    for client in 0..<7 {
      store.submit(
        ClientRequest(id: id(UInt64(client), 1), command: .put(Key("a"), value: value)))
    }
    store.endTurn(at: .zero)
    #expect(store.core.requested.map(\.count) == [3, 3, 1])
  }

  @Test("The core gets a turn's reads before its updates, and is told whether updates follow")
  func readsFirst() {
    var host = host()
    host.submit(add(id(0, 1), 1))
    host.submit(Host.Request(id: id(1, 1), command: .read))
    host.endTurn(at: .zero)
    #expect(host.core.handed == [.reads(updatesFollow: true), .batch(count: 1)])
    host.clearTurn()
    host.core.heard = []
    host.submit(Host.Request(id: id(1, 2), command: .read))
    host.endTurn(at: .zero)
    #expect(host.core.handed == [.reads(updatesFollow: false)])
    host.clearTurn()
    host.core.heard = []
    // Batches that fill up before the turn ends wait for its reads as well.
    for client in 0..<256 { host.submit(add(id(UInt64(client), 2), 1)) }
    host.submit(Host.Request(id: id(1, 3), command: .read))
    host.endTurn(at: .zero)
    #expect(host.core.handed == [.reads(updatesFollow: true), .batch(count: 256)])
    host.clearTurn()
    host.core.heard = []
    host.endTurn(at: .zero)
    #expect(host.core.handed.isEmpty)
  }

  @Test("Tickets are answered in any order, each once, and their positions are freed")
  func ticketOrder() {
    var waiting = WaitingReads<UInt64>()
    var tickets: [ReadTicket] = []
    func append(_ number: UInt64) -> ReadTicket {
      var gathered = [number]
      defer { #expect(gathered.isEmpty) }
      return waiting.append(&gathered)
    }
    for number in 1...200 as ClosedRange<UInt64> { tickets.append(append(number)) }
    #expect(tickets == (1...200).map { ReadTicket($0) })
    #expect(waiting.take(ReadTicket(0)).isEmpty && waiting.take(ReadTicket(201)).isEmpty)
    for ticket in tickets where ticket.rawValue % 3 == 0 {
      #expect(waiting.take(ticket) == [ticket.rawValue])
    }
    for ticket in tickets[..<150] {
      #expect(waiting.take(ticket) == (ticket.rawValue % 3 == 0 ? [] : [ticket.rawValue]))
    }
    #expect(waiting.count == 34 && waiting.requests.count < 100)
    for ticket in tickets.reversed() {
      let isLeft = ticket.rawValue > 150 && ticket.rawValue % 3 != 0
      #expect(waiting.take(ticket) == (isLeft ? [ticket.rawValue] : []))
    }
    #expect(waiting.count == 0 && waiting.requests.isEmpty)
    #expect(append(7) == ReadTicket(201) && waiting.take(ReadTicket(201)) == [7])
  }

  @Test("The storage of an answered ticket serves a later one, unless a burst made it large")
  func reusedStorage() {
    var waiting = WaitingReads<UInt64>()
    func storage(for numbers: [UInt64]) -> Int {
      var gathered = numbers
      let ticket = waiting.append(&gathered)
      var taken = waiting.take(ticket)
      #expect(taken == numbers)
      taken.removeAll(keepingCapacity: true)
      waiting.reuse(taken)
      var next: [UInt64] = [1]
      _ = waiting.append(&next)
      return next.capacity
    }
    #expect(storage(for: [1, 2, 3]) >= 3)
    #expect(storage(for: Array(0..<10_000)) == 0)
  }

  @Test("Commits are applied in order, and only the replica that should answer does")
  func applying() {
    var host = host()
    let first = batch([add(id(1, 1), 5), add(id(2, 1), 7)])
    #expect(
      commit([first, .noop], on: &host)
        == [
          Reply(id: id(1, 1), result: .answer(5)), Reply(id: id(2, 1), result: .answer(12)),
        ])
    #expect(host.appliedIndex == LogIndex(2) && host.application.value == 12)
    #expect(commit([batch([add(id(1, 2), 1)])], on: &host, answering: false).isEmpty)
    #expect(host.application.value == 13)
  }

  @Test("A request that is ordered twice takes effect once and gets the first answer again")
  func orderedTwice() {
    var host = host()
    let twice = batch([add(id(1, 1), 5), add(id(1, 1), 5)])
    let answer = Reply(id: id(1, 1), result: .answer(5))
    #expect(commit([twice, twice], on: &host) == [answer, answer, answer, answer])
    #expect(host.application.value == 5)
  }

  @Test("A long answer is given once, and a retry is told that it was")
  func longAnswer() {
    var store = ReplicaHost<ScriptedCore, KeyValueStore>(
      id: ReplicaID(0), membership: Membership(replicas: 1), options: ScriptedCore.Options(),
      seed: 1)
    func ask(_ sequence: UInt64, _ command: KeyValueCommand) -> KeyValueResponse? {
      store.effects.commit(
        Batch([(id: id(1, sequence), command: command)]), at: store.appliedIndex.next,
        answering: true)
      store.endTurn(at: .zero)
      defer { store.clearTurn() }
      guard case .answer(let response)? = store.replies.last?.result else { return nil }
      return response
    }
    for (number, length) in [1000, KeyValueStore.longestKeptAnswer].enumerated() {
      let value = [UInt8](repeating: 7, count: length)
      let first = UInt64(2 * number + 1)
      _ = ask(first, .put(Key("a"), value: value))
      let command = KeyValueCommand.sequence(
        KeyValueSequence([.get(Key("a")), .delete(Key("a"))]))
      let answer = KeyValueResponse.sequence([.value(value), .number(1)])
      #expect(ask(first + 1, command) == answer)
      #expect(ask(first + 1, command) == (length == 1000 ? answer : .refused(.notKept)))
      #expect(store.snapshot().count < 4000)
    }
  }

  @Test("A retry of an answered request is answered from the session without being ordered")
  func retry() {
    var host = host()
    _ = commit([batch([add(id(1, 1), 5)])], on: &host)
    host.submit(add(id(1, 1), 5))
    host.endTurn(at: .zero)
    #expect(host.replies == [Reply(id: id(1, 1), result: .answer(5))])
    #expect(host.core.requested.isEmpty)
  }

  @Test("A request that its client gave up has no effect, whether ordered or sent late")
  func superseded() {
    var host = host()
    _ = commit([batch([add(id(1, 2), 5)])], on: &host)
    #expect(commit([batch([add(id(1, 1), 100)])], on: &host).isEmpty)
    host.submit(add(id(1, 1), 100))
    host.endTurn(at: .zero)
    #expect(host.replies.isEmpty && host.core.requested.isEmpty && host.application.value == 5)
  }

  @Test("Malformed commands are skipped and leave the session unchanged")
  func noCommand() {
    var host = host()
    let odd = Batch([(id: id(1, 1), command: UInt64.max), (id: id(2, 1), command: UInt64(2))])
    #expect(commit([odd, batch([add(id(1, 1), 3)])], on: &host).count == 1)
    #expect(host.application.value == 3 && host.sessions.count == 1)
  }

  @Test("Reads of a turn share a ticket and see the commits of the turn that answers them")
  func reads() {
    var host = host()
    host.submit(Host.Request(id: id(1, 1), command: .read))
    host.submit(Host.Request(id: id(2, 1), command: .read))
    host.endTurn(at: .zero)
    host.clearTurn()
    #expect(host.core.tickets.count == 1 && host.waitingReadCount == 1)
    host.effects.read(host.core.tickets[0])
    host.effects.commit(batch([add(id(3, 1), 4)]), at: LogIndex(1), answering: false)
    host.endTurn(at: .zero)
    #expect(
      host.replies
        == [Reply(id: id(1, 1), result: .answer(4)), Reply(id: id(2, 1), result: .answer(4))])
    #expect(host.executedCount == 3 && host.waitingReadCount == 0)
    host.clearTurn()
    // Answering a ticket again sends no reply.
    host.effects.read(host.core.tickets[0])
    host.endTurn(at: .zero)
    #expect(host.replies.isEmpty && host.executedCount == 0)
  }

  @Test("A refusal by the core becomes a redirect for each of its clients")
  func refusals() {
    var host = host()
    host.submit(add(id(1, 1), 1))
    host.submit(add(id(2, 1), 1))
    host.submit(Host.Request(id: id(3, 1), command: .read))
    host.endTurn(at: .zero)
    host.clearTurn()
    host.effects.refuse(host.core.requested[0], redirect: ReplicaID(2))
    host.effects.refuseRead(host.core.tickets[0], redirect: nil)
    host.endTurn(at: .zero)
    #expect(
      host.replies
        == [
          Reply(id: id(3, 1), result: .redirect(nil)),
          Reply(id: id(1, 1), result: .redirect(ReplicaID(2))),
          Reply(id: id(2, 1), result: .redirect(ReplicaID(2))),
        ])
  }

  @Test("A timer's delay is drawn from its range by the seed; a cancelled timer has none")
  func timers() {
    func draw(seed: UInt64) -> [Interval] {
      var host = host(seed: seed)
      for _ in 0..<200 {
        host.effects.setTimer(.bell, after: .milliseconds(150)...(.milliseconds(300)))
      }
      host.effects.cancelTimer(.other)
      host.effects.setTimer(.other, after: .milliseconds(50))
      host.endTurn(at: .zero)
      let timers = host.effects.timerChanges.indices.map { host.drawTimer(at: $0) }
      #expect(timers.count == 202 && timers[200].delay == nil)
      #expect(timers[201].timer == .other && timers[201].delay == .milliseconds(50))
      return timers[..<200].compactMap(\.delay)
    }
    let delays = draw(seed: 1)
    #expect(delays.allSatisfy { $0 >= .milliseconds(150) && $0 <= .milliseconds(300) })
    #expect(delays.min()! < .milliseconds(155) && delays.max()! > .milliseconds(295))
    #expect(draw(seed: 1) == delays && draw(seed: 2) != delays)
  }

  @Test("Replicas that applied the same entries have equal snapshots, including their sessions")
  func snapshots() {
    var first = host(seed: 1)
    var second = host(seed: 2)
    let batches = (1...20).map { batch([add(id(UInt64($0 * 7 % 20), 1), UInt64($0))]) }
    _ = commit(batches, on: &first)
    for batch in batches { _ = commit([batch], on: &second, answering: false) }
    #expect(first.snapshot() == second.snapshot())
    _ = commit([batch([add(id(1, 2), 0)])], on: &first)
    _ = commit([batch([add(id(2, 2), 0)])], on: &second)
    #expect(first.application.value == second.application.value)
    #expect(first.snapshot() != second.snapshot())
  }

  @Test("Replicas that applied the same requests have equal digests, including repeated requests")
  func digests() {
    var first = host(seed: 1)
    var second = host(seed: 2)
    let batches = [
      batch([add(id(1, 1), 3), add(id(2, 1), 4)]), .noop, batch([add(id(1, 1), 3)]),
    ]
    _ = commit(batches, on: &first)
    for batch in batches { _ = commit([batch], on: &second, answering: false) }
    #expect(first.commitDigest == second.commitDigest)
    // The states are equal, but the repeated requests are not.
    _ = commit([batch([add(id(1, 1), 3)])], on: &first)
    _ = commit([batch([add(id(2, 1), 4)])], on: &second)
    #expect(first.snapshot() == second.snapshot())
    #expect(first.commitDigest != second.commitDigest)
  }
}

/// A request of the host.
private enum Handed: Equatable {
  case batch(count: Int)
  case reads(updatesFollow: Bool)
}

extension ScriptedCore {
  /// The host's requests in their order.
  fileprivate var handed: [Handed] {
    heard.compactMap {
      switch $0.event {
      case .requested(let batch): .batch(count: batch.count)
      case .readRequested(_, let updatesFollow): .reads(updatesFollow: updatesFollow)
      case .started, .received, .timerFired, .disconnected: nil
      }
    }
  }
}
