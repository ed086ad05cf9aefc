import Histories

/// What operations of a register that are really appends need beside them, so that they prove their
/// place on their own: the pieces before theirs, and an observer of a value that has theirs.
struct AppendProof {
  private let operations: UnsafeBufferPointer<KeyedOperation>
  private let originals: UnsafeBufferPointer<Operation>
  private var maker: [ValueDigest: Int] = [:]
  private var observer: [ValueDigest: Int] = [:]
  private var extensions: [ValueDigest: [Int]] = [:]

  /// - Parameter originals: the operations as they were recorded.
  init(
    _ operations: UnsafeBufferPointer<KeyedOperation>, _ originals: UnsafeBufferPointer<Operation>
  ) {
    self.operations = operations
    self.originals = originals
    guard originals.contains(where: { $0.kind == .append }) else { return }
    for i in operations.indices {
      if operations[i].role == .read {
        observer[value(i)] = i
        continue
      }
      maker[value(i)] = i
      guard let needed = needed(i) else { continue }
      if original(i).kind == .append {
        extensions[needed, default: []].append(i)
      } else {
        observer[needed] = i
      }
    }
  }

  func completed(_ chosen: Set<Int>) -> Set<Int> {
    guard !maker.isEmpty else { return chosen }
    var complete = chosen
    var queue = Array(chosen)
    func add(_ position: Int) {
      if complete.insert(position).inserted { queue.append(position) }
    }
    while let position = queue.popLast() {
      if let needed = needed(position), let maker = maker[needed] { add(maker) }
      if original(position).kind == .append { path(toObserverOf: value(position)).forEach(add) }
    }
    return complete
  }

  /// Positions of appends on top of each other and of one that observed the last of them.
  private func path(toObserverOf value: ValueDigest) -> [Int] {
    var before: [Int: Int] = [:]
    var queue = [(value, -1)]
    var next = 0
    while next < queue.count {
      let (value, from) = queue[next]
      next += 1
      if let observer = observer[value] {
        var path = [observer]
        var append = from
        while append >= 0 {
          path.append(append)
          append = before[append] ?? -1
        }
        return path
      }
      for append in extensions[value] ?? [] where before[append] == nil {
        before[append] = from
        queue.append((self.value(append), append))
      }
    }
    return []
  }

  private func original(_ position: Int) -> Operation { originals[Int(operations[position].index)] }

  private func value(_ position: Int) -> ValueDigest {
    ValueDigest(hash: operations[position].hash, length: operations[position].length)
  }

  /// The value before: what an operation returned, expected, or was put behind.
  private func needed(_ position: Int) -> ValueDigest? {
    let original = original(position)
    switch original.kind {
    case .get: return value(position)
    case .put, .delete: return nil
    case .append:
      let isKnown = operations[position].role == .swap
      return isKnown ? AppendResolution.base(of: original) : nil
    case .compareAndSwap:
      return operations[position].role == .read ? value(position) : original.expected
    }
  }
}
