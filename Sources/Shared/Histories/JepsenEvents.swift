/// The events of a recorded history (calls and completions), which it pairs into operations.
///
/// A process has one operation at a time, and no more operations after one that ended in `:info`,
/// because that one may still be in progress. A call may come before the completion of its
/// process's last operation only if both have the same time, because `JepsenHistory.write` writes
/// such calls first.
struct JepsenEvents {
  enum Kind: UInt8 { case invoke, ok, fail, info }

  struct Event {
    var line: Int32
    var kind: Kind
    var function: OperationKind
    /// Whether its function is called `:get` or `:put` and not `:read` or `:write`.
    var isOfStore = false
    /// Whether a compare-and-swap failed because the key did not have the expected value.
    var isMismatch = false
    /// `process` and the next five fields are numbers of `EventValues`; -1 if the event has no such
    /// value.
    var process: Int32
    var key: Int32 = -1
    /// The value written or observed; for a compare-and-swap the new value.
    var value: Int32 = -1
    var expected: Int32 = -1
    /// The value that a failed compare-and-swap found.
    var found: Int32 = -1
    /// The value to which an append was applied.
    var onto: Int32 = -1
    /// The reads of a scan; `key` is that of the first one.
    var reads: [Read] = []
    /// Whether its function is called `:txn`.
    var isTransaction = false
    /// The client, in histories in which a client gets a new process after an unknown outcome.
    var client: UInt32?
    var index: Int64?
    var time: Int64?
    var due: Int64?
  }

  /// The numbers of a key and of the value that was read there.
  struct Read {
    var key: Int32
    var value: Int32
  }

  /// The source of the order of the events.
  enum Order { case lines, indices, times }

  private(set) var events: [Event] = []
  private(set) var order = Order.lines
  /// Whether the operations get the times of the events; otherwise they get the events' positions.
  private(set) var hasTimes = false

  mutating func append(_ event: Event) { events.append(event) }

  /// A call with its completion, as positions in `events`; -1 without a completion.
  typealias Pair = (call: Int, completion: Int)

  /// The operations, in order of their calls.
  mutating func pairs() throws(HistoryError) -> [Pair] {
    if let byIndex = sortedByIndex() {
      events = byIndex
      order = .indices
    }
    let pairs: [Pair]
    do throws(HistoryError) {
      pairs = try paired()
    } catch {
      // If the order of the lines makes no sense, the events are sorted by time, if that order
      // does.
      guard order == .lines, events.allSatisfy({ $0.time != nil }) else { throw error }
      let lines = events
      events.sort { ($0.time ?? 0, $0.line) < ($1.time ?? 0, $1.line) }
      order = .times
      guard let sorted = try? paired() else {
        events = lines
        throw error
      }
      pairs = sorted
    }
    hasTimes = timesAgree()
    return pairs
  }

  func time(of event: Int) -> Int64 { hasTimes ? events[event].time ?? 0 : Int64(event) }

  private func sortedByIndex() -> [Event]? {
    var seen: Set<Int64> = []
    var isSorted = true
    var last = Int64.min
    for event in events {
      guard let index = event.index, seen.insert(index).inserted else { return nil }
      if index < last { isSorted = false }
      last = index
    }
    return isSorted ? nil : events.sorted { ($0.index ?? 0) < ($1.index ?? 0) }
  }

  private func paired() throws(HistoryError) -> [Pair] {
    var pairs: [Pair] = []
    var open: [Int32: [Int]] = [:]
    var retired: [Int32: Int32] = [:]
    for (i, event) in events.enumerated() {
      if event.kind == .invoke {
        if let line = retired[event.process] {
          throw HistoryError(
            line: event.line,
            message: "found a call of a process whose operation ended in :info in line \(line), "
              + "allowed only one of a new process, because that operation may still be going on")
        }
        open[event.process, default: []].append(pairs.count)
        pairs.append((i, -1))
        continue
      }
      guard let pair = open[event.process]?.first else {
        throw HistoryError(
          line: event.line,
          message: "found a completion of a process that has called nothing, allowed only one "
            + "after its :invoke")
      }
      open[event.process]?.removeFirst()
      pairs[pair].completion = i
      if event.kind == .info { retired[event.process] = event.line }
      let call = events[pairs[pair].call]
      // The completion of a transaction need not repeat what it was to do.
      let isEmpty = event.isTransaction && event.reads.isEmpty && event.key < 0
      guard
        call.isTransaction == event.isTransaction && (isEmpty || call.function == event.function)
      else {
        throw HistoryError(
          line: event.line,
          message: "found the completion of another operation than the process called in line "
            + "\(call.line)")
      }
      if let next = open[event.process]?.first {
        let time = events[pairs[next].call].time
        guard time != nil, time == event.time else {
          throw overlap(pairs[next].call, pairs[pair].call)
        }
      }
    }
    for waiting in open.values where waiting.count > 1 {
      throw overlap(pairs[waiting[1]].call, pairs[waiting[0]].call)
    }
    return pairs
  }

  private func overlap(_ later: Int, _ earlier: Int) -> HistoryError {
    HistoryError(
      line: events[later].line,
      message: "found a call of a process whose call in line \(events[earlier].line) is not "
        + "completed, allowed one operation at a time")
  }

  /// Whether all events have a time, and the times imply the order of the events.
  private func timesAgree() -> Bool {
    for i in events.indices {
      guard let time = events[i].time else { return false }
      guard i > 0, let before = events[i - 1].time else { continue }
      if time < before { return false }
      if time == before, events[i].kind == .invoke, events[i - 1].kind != .invoke { return false }
    }
    return true
  }
}
