/// The values that the scans of a history returned. An operation has room for one value, so a scan
/// refers to its values here (`Operation.scanned`).
///
/// Most scans see values that earlier scans have seen. Each value of a key is therefore kept once,
/// as a version, and a scan is a list of the numbers of versions, with four bytes for each.
public struct ScannedValues: Sendable {
  /// A value that a key had; `absent` if it had none.
  public struct Version: Sendable, Equatable {
    public var key: UInt32
    public var value: ValueDigest

    public init(key: UInt32, value: ValueDigest) {
      self.key = key
      self.value = value
    }
  }

  /// A version can occur twice, because only the last version of each key is compared with a new
  /// one.
  public private(set) var versions: [Version] = []
  private var numbers = Pieces<UInt32>(populate: nil)
  /// By key: the number of its last version, plus one; 0 for no version. Larger keys get a new
  /// version each time.
  private var latest: [UInt32] = []

  private static let mostKeys: UInt32 = 1 << 24

  public init() {}

  public var isEmpty: Bool { numbers.count == 0 }

  /// The number of values that all scans together returned.
  public var count: Int { numbers.count }

  /// The version that a scan returned, as its number in `versions`.
  public subscript(position: Int) -> UInt32 { numbers[position] }

  /// The values of an acknowledged scan.
  public func versions(of scan: Operation) -> [Version] {
    scan.scanned.map { versions[Int(numbers[$0])] }
  }

  /// Adds the values of one scan, and makes the operation refer to them.
  public mutating func add(_ values: some Sequence<Version>, to scan: inout Operation) {
    let start = numbers.count
    for value in values { add(value) }
    scan.observed = ValueDigest(hash: UInt64(start), length: Int32(numbers.count - start))
  }

  private mutating func add(_ version: Version) {
    let key = Int(version.key)
    if version.key < Self.mostKeys {
      if key >= latest.count {
        let size = max(key + 1, min(2 * latest.count, Int(Self.mostKeys)))
        latest.append(contentsOf: repeatElement(0, count: size - latest.count))
      }
      let last = latest[key]
      if last > 0, versions[Int(last) - 1].value == version.value {
        numbers.append(last - 1)
        return
      }
      latest[key] = UInt32(versions.count) + 1
    }
    numbers.append(UInt32(versions.count))
    versions.append(version)
  }
}

extension ScannedValues: Equatable {
  public static func == (a: ScannedValues, b: ScannedValues) -> Bool {
    a.versions == b.versions && a.numbers.pieces == b.numbers.pieces
  }
}

extension Operation {
  /// A scan of `count` keys that is not answered yet.
  public mutating func askForScan(ofKeys count: Int) {
    kind = .scan
    observed = ValueDigest(hash: 0, length: Int32(count))
  }

  /// The number of keys that a scan asked for, or for an acknowledged scan of those that it read.
  public var scanLength: Int { max(0, Int(observed.length)) }

  /// The positions in `ScannedValues` of the values that an acknowledged scan returned.
  public var scanned: Range<Int> {
    let start = Int(truncatingIfNeeded: observed.hash)
    return start..<start + scanLength
  }

  /// The part of a scan that read one key, as an operation with the value in `observed`. Methods
  /// that look at single keys treat it like a get.
  public func part(_ version: ScannedValues.Version) -> Operation {
    var part = self
    part.key = version.key
    part.observed = version.value
    return part
  }
}
