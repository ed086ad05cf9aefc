import Histories

/// Completes a counterexample with appends. `AppendResolution` treats appends as operations of a
/// register; to prove their place, a counterexample also needs the appends of the pieces before
/// theirs and an observer of a value that contains their piece.
struct AppendProof {
  private let operations: UnsafeBufferPointer<KeyedOperation>
  private let originals: UnsafeBufferPointer<Operation>
  private var maker: [ValueDigest: Int] = [:]
  private var observer: [ValueDigest: Int] = [:]
  private var extensions: [ValueDigest: [Int]] = [:]

  /// - Parameter originals: the operations as recorded, with appends.
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

  /// The positions of a chain of appends that starts at the value, and of an operation that
  /// observed the last append's value.
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

  /// The value before the operation: the value that it returned or expected, or to which it
  /// appended.
  private func needed(_ position: Int) -> ValueDigest? {
    let original = original(position)
    switch original.kind {
    case .get, .scan: return value(position)
    case .put, .delete: return nil
    case .append:
      let isKnown = operations[position].role == .swap
      return isKnown ? AppendResolution.base(of: original) : nil
    case .compareAndSwap:
      return operations[position].role == .read ? value(position) : original.expected
    }
  }
}
