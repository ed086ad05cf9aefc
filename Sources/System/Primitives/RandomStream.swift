/// A seeded stream of random numbers: xoshiro256** 1.0 (Blackman & Vigna 2018), seeded by
/// SplitMix64. The same seed gives the same numbers on every machine. Protocol cores never draw
/// random numbers; hosts and runtimes do.
public struct RandomStream: RandomNumberGenerator, Sendable {
  @usableFromInline var s0: UInt64
  @usableFromInline var s1: UInt64
  @usableFromInline var s2: UInt64
  @usableFromInline var s3: UInt64

  public init(seed: UInt64) {
    var state = seed
    s0 = RandomStream.splitMix64(&state)
    s1 = RandomStream.splitMix64(&state)
    s2 = RandomStream.splitMix64(&state)
    s3 = RandomStream.splitMix64(&state)
  }

  /// Continues from a state of the generator, which must not be all zero.
  init(state: (UInt64, UInt64, UInt64, UInt64)) { (s0, s1, s2, s3) = state }

  /// The stream of one label. Streams of different labels share nothing, so drawing more from one
  /// does not change what another one draws.
  public init(seed: UInt64, label: UInt64) {
    var state = seed ^ (label &* 0xD6E8_FEB8_6659_FD93)
    self.init(seed: RandomStream.splitMix64(&state) ^ label)
  }

  /// The stream of one purpose of a trial.
  public init(seed: UInt64, purpose: RandomPurpose) {
    self.init(seed: seed, label: purpose.rawValue)
  }

  /// One of several streams that serve the same purpose, such as the stream of each node's disk.
  public init(seed: UInt64, purpose: RandomPurpose, number: Int) {
    self.init(seed: seed, label: purpose.rawValue &+ (UInt64(number) &+ 1) << 32)
  }

  /// The next output of SplitMix64 (Steele, Lea & Flood 2014).
  public static func splitMix64(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return scramble(state)
  }

  /// The `n`th output of SplitMix64 that was seeded with 0: a hash of `n`.
  @inlinable
  public static func splitMix64(at n: UInt64) -> UInt64 { scramble(n &* 0x9E37_79B9_7F4A_7C15) }

  @inlinable
  public static func scramble(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  @inlinable
  public mutating func next() -> UInt64 {
    let product = s1 &* 5
    let result = (product << 7 | product >> 57) &* 9
    let t = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = s3 << 45 | s3 >> 19
    return result
  }

  /// Uniform in 0 ..< `bound`, by the high half of a product; the bias is below 2⁻⁴⁰ for bounds
  /// under 2²⁴.
  public mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Uniform in [0, 1).
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  public mutating func chance(_ probability: Double) -> Bool {
    probability > 0 && unit() < probability
  }
}

/// What a trial draws random numbers for. The raw value is the label of the purpose's stream; it
/// decides what is drawn, so changing it changes the results of every seed.
public enum RandomPurpose: UInt64, Sendable {
  /// Offset and drift of the nodes' clocks.
  case clocks = 0xC10C
  /// Delay and loss of messages. Each link derives a stream of its own from this value.
  case links = 0x11E7
  /// Sync times of the nodes' disks.
  case disks = 0xD15C
  /// Sync times of snapshots, which do not use up the numbers of `disks`.
  case snapshots = 0x5AA9
  /// Arrival times of requests in an open loop; start times of the clients in a closed loop.
  case arrivals = 0xA441
  /// Times, targets and effects of injected faults.
  case faults = 0xFA17
  /// Operations, keys and values of the load.
  case load = 0x10AD
  /// Sizes of the values that keys have before the first operation.
  case loadedValues = 0x10AE
  /// Time of the first probe.
  case probes = 0x920B
}
