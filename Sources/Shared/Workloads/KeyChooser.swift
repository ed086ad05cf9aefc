import Primitives
import Replication

/// Draws key numbers from one of the distributions.
public struct KeyChooser: Sendable {
  private enum Method: Sendable {
    case uniform
    /// Over the keys that existed at the start, because with a different number of keys the ranks
    /// would map to other keys, and no key would stay popular.
    case scrambledZipfian(ZipfianRanks, keys: Int)
    /// The same for exponents of 1 and more, for which the generator above is not defined.
    case scrambledSteepZipfian(RejectionInversion, keys: Int)
    case hotspot(hotKeys: Int, operationShare: Double)
    case latest(ZipfianRanks)
    /// Each client has `ownKeys` keys behind the shared one.
    case conflict(share: Double, clients: Int, ownKeys: Int)
  }

  private var method: Method
  /// The number of keys: those of the workload and those inserted since.
  public private(set) var count: Int

  /// - Parameter clients: among how many clients keys are divided that are not shared.
  public init(_ distribution: KeyDistribution, keys: Int, clients: Int = 1) {
    count = keys
    switch distribution {
    case .uniform: method = .uniform
    case .zipfian(let theta) where theta >= 1:
      method = .scrambledSteepZipfian(
        RejectionInversion(count: ZipfianRanks.scrambledCount, theta: theta), keys: keys)
    case .zipfian(let theta):
      method = .scrambledZipfian(
        ZipfianRanks(count: ZipfianRanks.scrambledCount, theta: theta), keys: keys)
    case .hotspot(let keyShare, let operationShare):
      let hotKeys = min(max(Int(Double(keys) * keyShare), 1), keys)
      method = .hotspot(hotKeys: hotKeys, operationShare: operationShare)
    case .latest: method = .latest(ZipfianRanks(count: keys, theta: 0.99))
    case .conflict(let share):
      method = .conflict(share: share, clients: clients, ownKeys: max((keys - 1) / clients, 1))
    }
  }

  public mutating func next(_ random: inout RandomStream, client: Int = 0) -> Int {
    switch method {
    case .uniform: return random.below(count)
    case .scrambledZipfian(let ranks, let keys):
      return KeyChooser.scattered(ranks.rank(of: random.unit()), over: keys)
    case .scrambledSteepZipfian(let ranks, let keys):
      return KeyChooser.scattered(ranks.next(&random), over: keys)
    case .hotspot(let hotKeys, let operationShare):
      if hotKeys == count || random.chance(operationShare) { return random.below(hotKeys) }
      return hotKeys + random.below(count - hotKeys)
    case .conflict(let share, let clients, let ownKeys):
      if random.chance(share) { return 0 }
      return 1 + client % clients * ownKeys + random.below(ownKeys)
    case .latest(let ranks): return count - 1 - min(ranks.rank(of: random.unit()), count - 1)
    }
  }

  private static func scattered(_ rank: Int, over keys: Int) -> Int {
    Int(fnv1a(UInt64(rank)) % UInt64(keys))
  }

  /// Adds a key after all others and returns its number.
  public mutating func insert() -> Int {
    count += 1
    if case .latest(var ranks) = method {
      ranks.grow(to: count)
      method = .latest(ranks)
    }
    return count - 1
  }

  /// The hash with which YCSB scatters the popular ranks over the key range: FNV-1a over eight
  /// bytes, lowest first, as the absolute value of a signed number.
  static func fnv1a(_ value: UInt64) -> UInt64 {
    var rest = value
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for _ in 0..<8 {
      hash ^= rest & 0xFF
      hash = hash &* 1_099_511_628_211
      rest >>= 8
    }
    return Int64(bitPattern: hash).magnitude
  }
}

/// Draws ranks from 0, of which smaller ones are more popular, with probabilities proportional to 1
/// / (rank + 1)^theta: the generator of Gray et al. 1994 ("Quickly Generating Billion-Record
/// Synthetic Databases" §3.2) that YCSB uses. It is exact for the two most popular ranks and
/// approximates the others by a power.
public struct ZipfianRanks: Sendable {
  /// YCSB draws scrambled ranks from this many items, whatever the number of keys.
  public static let scrambledCount = 10_000_000_000

  public private(set) var count: Int
  public let theta: Double
  public private(set) var zeta: Double
  private var eta: Double
  /// A scaled draw from 1 up to `secondLimit` gives rank 1; `exponent` is the power of the formula
  /// for the other ranks.
  private let secondLimit: Double
  private let exponent: Double
  /// The exponent, if it is whole up to rounding, as with YCSB's theta of 0.99; otherwise 0.
  private let wholeExponent: Int

  public init(count: Int, theta: Double) {
    self.count = count
    self.theta = theta
    zeta = ZipfianRanks.zeta(count, theta: theta)
    eta = 0
    secondLimit = 1 + RealFunctions.pow(0.5, theta)
    exponent = 1 / (1 - theta)
    let whole = exponent.rounded()
    wholeExponent = whole <= 100 && abs(exponent - whole) < 1e-14 * whole ? Int(whole) : 0
    updateEta()
  }

  /// The rank for a uniform draw from [0, 1).
  public func rank(of unit: Double) -> Int {
    let scaled = unit * zeta
    if scaled < 1 || count == 1 { return 0 }
    if scaled < secondLimit || count == 2 { return 1 }
    let base = eta * unit - eta + 1
    return rankByProducts(base) ?? rankByPower(base)
  }

  func rankByPower(_ base: Double) -> Int {
    min(Int(Double(count) * RealFunctions.pow(base, exponent)), count - 1)
  }

  /// The same rank by a few multiplications, which take a third of the time; `nil` if the exponent
  /// is not whole, or if the errors of both powers could make a difference.
  ///
  /// Their sum is below 10⁻¹² of a power of at least 1 / count: rounding the exponent adds at most
  /// 10⁻¹⁴ · log(count), the error of `log` is multiplied by the exponent to 10⁻¹³, and `exp` and
  /// the products add 10⁻¹⁴ each.
  func rankByProducts(_ base: Double) -> Int? {
    guard wholeExponent > 0 else { return nil }
    var power = 1.0
    var square = base
    var rest = wholeExponent
    while rest > 0 {
      if rest & 1 == 1 { power *= square }
      square *= square
      rest >>= 1
    }
    let scaled = Double(count) * power
    let error = scaled * 1e-12
    let rank = Int(scaled)
    guard Int(scaled - error) == rank, Int(scaled + error) == rank else { return nil }
    return min(rank, count - 1)
  }

  public mutating func grow(to newCount: Int) {
    while count < newCount {
      count += 1
      zeta += RealFunctions.pow(Double(count), -theta)
    }
    updateEta()
  }

  private mutating func updateEta() {
    let zeta2 = ZipfianRanks.zeta(2, theta: theta)
    eta =
      (1 - RealFunctions.pow(2 / Double(count), 1 - theta)) / (1 - zeta2 / zeta)
  }

  /// Σ i^-theta for i in 1...count. Terms beyond 1,000 are summed by Euler and Maclaurin's formula,
  /// whose error here is below 10⁻¹².
  static func zeta(_ count: Int, theta: Double) -> Double {
    let exact = min(count, 1000)
    var sum = 0.0
    for item in 1...exact { sum += RealFunctions.pow(Double(item), -theta) }
    guard count > exact else { return sum }
    func term(_ x: Double) -> Double { RealFunctions.pow(x, -theta) }
    func integral(_ x: Double) -> Double { RealFunctions.pow(x, 1 - theta) / (1 - theta) }
    let from = Double(exact)
    let to = Double(count)
    let slope = { (x: Double) in -theta * RealFunctions.pow(x, -theta - 1) }
    return sum + integral(to) - integral(from) + (term(to) - term(from)) / 2
      + (slope(to) - slope(from)) / 12
  }
}
