import Histories
import Primitives
import StateMachines

extension KeyValueLoad {
  /// A scan begins at a drawn key and ends at the last key that its client uses at the latest. If
  /// keys are inserted, it may ask for keys that do not exist yet.
  mutating func scan(
    by client: Int, into operation: inout Operation
  ) -> KeyValueCommand {
    let number = nextKey(of: client)
    var count = spec.scanLength.draw(&random)
    if spec.mix.insert == 0 { count = min(count, keyLimit(of: client) - number) }
    operation.key = UInt32(number)
    operation.askForScan(ofKeys: count)
    return .consecutive(
      names: names.beginning, first: UInt64(number), count: UInt32(count))
  }

  /// The number after that of the last key that the client uses.
  private func keyLimit(of client: Int) -> Int {
    guard !groupChoosers.isEmpty else { return chooser.count }
    let group = groupChoosers[client % groupChoosers.count]
    return group.first + group.chooser.count
  }

  /// The digest of a value that a client has read, or of none.
  func digest(of found: [UInt8]?) -> ValueDigest {
    if let found { filledValues.digest(of: found) } else { .absent }
  }

  mutating func noteScan(
    _ responses: [KeyValueResponse], of scan: Operation, in ending: inout OperationEnding
  ) {
    var found: [ScannedValues.Version] = []
    found.reserveCapacity(responses.count)
    for response in responses {
      guard case .value(let value) = response else { break }
      let key = scan.key + UInt32(found.count)
      found.append(ScannedValues.Version(key: key, value: digest(of: value)))
    }
    // No other answer to a scan is possible.
    guard scan.kind == .scan, found.count == responses.count,
      found.count <= scan.scanLength
    else {
      ending.outcome = .unknown
      return
    }
    var ended = scan
    scans.add(found, to: &ended)
    ending.observed = ended.observed
  }

  /// The values that the scans returned, moved out after the operations.
  public mutating func takeScans() -> ScannedValues {
    defer { scans = ScannedValues() }
    return scans
  }
}
