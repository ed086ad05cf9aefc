import Clients
import Histories
import Primitives
import Replication
import StateMachines

/// The load of the key-value store: draws operations by a spec, and writes the history.
///
/// Every written value is unique, because its first eight bytes are a running number. Histories can
/// therefore be checked in near-linear time, and a value identifies its write.
public struct KeyValueLoad: ClientLoad {
  public typealias Application = KeyValueStore

  public let spec: WorkloadSpec
  /// All operations in the order in which they were sent, or in which they were given up if they
  /// were never sent.
  public internal(set) var history: OperationLog

  /// The values that scans returned.
  public internal(set) var scans = ScannedValues()

  public private(set) var probes: ProbeHistory

  let seed: UInt64
  /// The stream of the operation that is being drawn.
  var random: RandomStream
  /// In a closed loop each client has a separate stream, and in an open loop each operation has
  /// one, so that the operations drawn do not depend on which client is answered first.
  var clientRandoms: [RandomStream] = []
  var drawnCount = 0
  var chooser: KeyChooser
  /// By group of clients, if groups have their own keys: how they choose, and the first of them.
  var groupChoosers: [(chooser: KeyChooser, first: Int)] = []
  let names: KeyNames
  private let choices: [(limit: Double, choice: Choice)]
  /// The operation each client has outstanding, as a position in `history`; -1 for none.
  var current: [Int] = []
  /// The key whose value a client has just read in order to write it.
  var modifying: [Int?] = []
  /// The last value observed at each key, which a compare-and-swap expects. Empty if the mix has no
  /// compare-and-swaps.
  var lastSeen: [Int: [UInt8]] = [:]
  let tracksValues: Bool
  /// The value that each client's outstanding operation writes, if `tracksValues`.
  var writing: [[UInt8]?] = []
  /// The value that each client wrote last: a number, followed by filler up to the value's length.
  /// It is empty if sizes differ.
  private var values: [[UInt8]] = []
  let filledValues: FilledValues
  private var valueCount: UInt64 = 0
  /// The operations that wrote the pieces of values; nil if the mix has no appends.
  var pieces: AppendedPieces?

  /// Keys that are still to be read back, the next one last; nil before the trial's end.
  private var toRead: [Int]?

  enum Choice: Sendable {
    case get, put, delete, append, compareAndSwap, insert, readModifyWrite, scan
  }

  /// The next key that clients load; nil when they are not loading.
  var nextToLoad: Int?

  /// The prefix of the name of every key.
  public let keyPrefix: String

  /// - Parameters:
  ///   - keyPrefix: distinguishes the keys of this trial from those of others if the store outlives
  ///     a trial.
  ///   - populate: see `OperationLog`.
  public init(
    _ spec: WorkloadSpec, seed: UInt64, keyPrefix: String = "",
    populate: OperationLog.PagePopulation? = nil
  ) {
    self.spec = spec
    history = OperationLog(populate: populate)
    probes = ProbeHistory(keyPrefix: keyPrefix)
    self.keyPrefix = keyPrefix
    self.seed = seed
    random = RandomStream(seed: seed, purpose: .load)
    chooser = KeyChooser(spec.distribution, keys: spec.keys, clients: spec.clients)
    if spec.groups.contains(where: { $0.keys != nil }) {
      groupChoosers = spec.groups.map { group in
        let keys = group.keys ?? 0...(spec.keys - 1)
        return (KeyChooser(spec.distribution, keys: keys.count), keys.lowerBound)
      }
    }
    let mix = spec.mix
    let weights: [(Double, Choice)] = [
      (mix.get, .get), (mix.put, .put), (mix.delete, .delete), (mix.append, .append),
      (mix.compareAndSwap, .compareAndSwap), (mix.insert, .insert),
      (mix.readModifyWrite, .readModifyWrite), (mix.scan, .scan),
    ]
    var sum = 0.0
    choices = weights.filter { $0.0 > 0 }.map { weight, choice in
      sum += weight
      return (sum, choice)
    }
    tracksValues = mix.compareAndSwap > 0
    filledValues = FilledValues(
      spec.valueSize, largestTraced: spec.trace?.largestValue ?? 0)
    if mix.append > 0 { pieces = AppendedPieces(length: filledValues.fixedSize) }
    names = KeyNames(prefix: keyPrefix)
    if spec.preload {
      valueCount = UInt64(spec.keys)
      for key in 0..<spec.keys where pieces != nil && filledValues.fixedSize == nil {
        let size = loadedSize(of: key)
        pieces?.noteLoaded(KeyValueLoad.loadedNumber(of: key), length: size)
      }
    }
    if case .closed = spec.arrival {
      clientRandoms = (0..<spec.clients).map {
        RandomStream(seed: seed, purpose: .load, number: $0)
      }
    }
    for _ in 0..<spec.clients { addClient() }
  }

  private mutating func addClient() {
    current.append(-1)
    modifying.append(nil)
    writing.append(nil)
    values.append(filledValues.fixedSize.map { filledValues.value(of: $0) } ?? [])
  }

  /// The writes that loaded the keys, followed by all operations in the order in which they were
  /// sent.
  public var operations: [Operation] { loadingWrites + history.operations }

  /// The same operations, moved out of the load after the trial; its history is then empty.
  public mutating func takeOperations() -> [Operation] {
    let writes = loadingWrites
    return history.takeOperations(behind: writes)
  }

  /// The operations of the probes, moved out in the same way.
  public mutating func takeProbes() -> [Operation] { probes.takeOperations() }

  public mutating func begin(
    client: Int, sequence: UInt64, due: Interval, at now: Interval
  ) -> KeyValueCommand {
    if let number = nextToLoad { return load(number) }
    var operation = Operation(
      client: UInt32(client), intended: due.nanoseconds, invoked: now.nanoseconds,
      sequence: sequence)
    while current.count <= client { addClient() }
    let command: KeyValueCommand
    if clientRandoms.isEmpty {
      random = RandomStream(seed: seed, purpose: .load, number: drawnCount)
      drawnCount += 1
      command = draw(for: client, into: &operation)
    } else {
      random = clientRandoms[client]
      command = draw(for: client, into: &operation)
      clientRandoms[client] = random
    }
    current[client] = history.count
    history.append(operation)
    return command
  }

  private mutating func draw(for client: Int, into operation: inout Operation) -> KeyValueCommand {
    if let number = toRead?.popLast() { return get(number, into: &operation) }
    if let number = modifying[client] {
      modifying[client] = nil
      return put(number, by: client, into: &operation)
    }
    // Exactly one operation begins, or is dropped, for each that comes due.
    if let entry = spec.trace?.entries[drawnCount - 1] {
      return carryOut(entry.kind, on: Int(entry.key), size: entry.size, by: client, &operation)
    }
    switch drawChoice() {
    case .get: return get(nextKey(of: client), into: &operation)
    case .put: return put(nextKey(of: client), by: client, into: &operation)
    case .delete: return carryOut(.delete, on: nextKey(of: client), by: client, &operation)
    case .append: return carryOut(.append, on: nextKey(of: client), by: client, &operation)
    case .compareAndSwap:
      return carryOut(.compareAndSwap, on: nextKey(of: client), by: client, &operation)
    case .insert:
      let number = chooser.insert()
      return put(number, by: client, into: &operation)
    case .readModifyWrite:
      let number = nextKey(of: client)
      modifying[client] = number
      return get(number, into: &operation)
    case .scan: return scan(by: client, into: &operation)
    }
  }

  /// - Parameter size: bytes of the value that is written; nil for the workload's value size.
  private mutating func carryOut(
    _ kind: OperationKind, on number: Int, size: Int? = nil, by client: Int,
    _ operation: inout Operation
  ) -> KeyValueCommand {
    operation.kind = kind
    operation.key = UInt32(number)
    switch kind {
    case .get: return get(number, into: &operation)
    case .put: return put(number, size: size, by: client, into: &operation)
    case .scan: preconditionFailure("a trace has no scans")
    case .delete: return .delete(names[number])
    case .append: return .append(names[number], value: makeValue(size, by: client, &operation))
    case .compareAndSwap:
      let expected = lastSeen[number]
      operation.expected = ValueDigest(expected)
      let value = makeValue(size, by: client, &operation)
      if tracksValues { writing[client] = value }
      return .compareAndSwap(names[number], expected: expected, value: value)
    }
  }

  /// Draws a key of those that the client uses.
  mutating func nextKey(of client: Int) -> Int {
    guard !groupChoosers.isEmpty else {
      // In an open loop any client may get the next operation, so that the number of the operation
      // stands for the client.
      return chooser.next(&random, client: clientRandoms.isEmpty ? drawnCount : client)
    }
    let group = client % groupChoosers.count
    return groupChoosers[group].first + groupChoosers[group].chooser.next(&random)
  }

  mutating func drawChoice() -> Choice {
    let last = choices[choices.count - 1]
    let point = random.unit() * last.limit
    for index in choices.indices where point < choices[index].limit { return choices[index].choice }
    return last.choice
  }

  private mutating func get(_ number: Int, into operation: inout Operation) -> KeyValueCommand {
    operation.key = UInt32(number)
    return .get(names[number])
  }

  private mutating func put(
    _ number: Int, size: Int? = nil, by client: Int, into operation: inout Operation
  ) -> KeyValueCommand {
    operation.kind = .put
    operation.key = UInt32(number)
    let value = makeValue(size, by: client, &operation)
    if tracksValues { writing[client] = value }
    return .put(names[number], value: value)
  }

  /// A value that was not written before. If all have one size, it reuses the memory of the
  /// client's last value if that has no other owner.
  private mutating func makeValue(
    _ size: Int?, by client: Int, _ operation: inout Operation
  ) -> [UInt8] {
    valueCount += 1
    let number = valueCount
    let size = size ?? filledValues.fixedSize ?? spec.valueSize.draw(&random)
    operation.argument = filledValues.digest(of: size, number: number)
    pieces?.note(number, length: size, writtenBy: history.count)
    guard filledValues.fixedSize != nil else {
      return filledValues.value(of: size, number: number)
    }
    FilledValues.set(number, in: &values[client])
    return values[client]
  }

  public mutating func prepareReadBack() -> Int {
    var touched = Set<Int>()
    for position in 0..<history.count {
      let operation = history[position]
      if operation.outcome != .failed { touched.insert(Int(operation.key)) }
    }
    toRead = touched.sorted(by: >)
    for client in modifying.indices { modifying[client] = nil }
    return touched.count
  }

  public var readsToDo: Int { toRead?.count ?? 0 }

  public mutating func beginProbe(
    client: Int, sequence: UInt64, isRead: Bool, due: Interval, at now: Interval
  ) -> KeyValueCommand? {
    probes.begin(client: client, sequence: sequence, isRead: isRead, due: due, at: now)
  }

  public mutating func endProbe(
    client: Int, outcome: ClientOutcome<KeyValueResponse>, attempts: Int, at now: Interval
  ) {
    probes.end(client: client, outcome: outcome, attempts: attempts, at: now)
  }

  /// Ends the history: operations that are still open stay unknown.
  public mutating func close(at end: Interval) {
    probes.close(at: end)
    for client in current.indices where current[client] >= 0 {
      history[current[client]].returned = end.nanoseconds
      current[client] = -1
    }
  }
}
