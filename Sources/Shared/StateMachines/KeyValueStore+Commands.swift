import Primitives
import Replication

// Single commands other than get and put.

extension KeyValueStore {
  func exists(_ key: Key) -> Response {
    .number(values.position(of: key) == nil ? 0 : 1)
  }

  func length(of key: Key) -> Response {
    guard let position = values.position(of: key) else { return .number(0) }
    return .number(Int64(values.values[position].count))
  }

  mutating func append(_ value: [UInt8], to key: Key) -> Response {
    guard let position = values.position(of: key) else {
      set(key, to: value)
      return .number(Int64(value.count))
    }
    let length = values.values[position].count + value.count
    guard length <= Self.maximumValueByteCount else { return .refused(.tooLong) }
    willChange(position)
    contentByteCount -= Self.memory(of: values.values[position])
    values.values[position].append(contentsOf: value)
    contentByteCount += Self.memory(of: values.values[position])
    return .number(Int64(length))
  }

  mutating func increment(_ key: Key, by amount: Int64) -> Response {
    var number: Int64 = 0
    let position = values.position(of: key)
    if let position {
      let value = values.values[position]
      guard let found = DecimalInteger.parse(value, in: 0..<value.count) else {
        return .refused(.notAnInteger)
      }
      number = found
    }
    let (sum, overflows) = number.addingReportingOverflow(amount)
    guard !overflows else { return .refused(.overflow) }
    if let position {
      change(position, to: DecimalInteger.spell(sum))
    } else {
      set(key, to: DecimalInteger.spell(sum))
    }
    return .number(sum)
  }

  mutating func add(_ amount: DecimalFraction, to key: Key) -> Response {
    var number = DecimalFraction.zero
    if let value = values[key] {
      guard let found = DecimalFraction(spelledBy: value, in: 0..<value.count) else {
        return .refused(.notADecimal)
      }
      number = found
    }
    guard let sum = number.adding(amount) else { return .refused(.decimalTooLarge) }
    set(key, to: sum.spelling)
    return .value(sum.spelling)
  }

  /// The bytes from one position to another, clamped to the value.
  func range(of key: Key, _ first: Int64, _ last: Int64) -> Response {
    guard let value = values[key], !value.isEmpty, first >= 0 || last >= 0 || first <= last else {
      return .value([])
    }
    let length = Int64(value.count)
    func place(_ position: Int64) -> Int64 { position < 0 ? max(0, length + position) : position }
    let start = place(first)
    let end = min(place(last), length - 1)
    return .value(start <= end ? Array(value[Int(start)...Int(end)]) : [])
  }

  /// A removal moves the last key into the gap, so only a walk backwards misses no key: a key that
  /// moves has been found already, or moves to a position that the walk still reaches.
  func scan(from start: UInt64, _ count: UInt32, _ pattern: [UInt8]) -> Response {
    var position = start == 0 ? values.count : Int(min(start, UInt64(values.count)))
    let end = max(0, position - Int(max(count, 1)))
    var keys: [[UInt8]] = []
    var room = Self.maximumAnswerByteCount
    let matchesAll = pattern == [UInt8(ascii: "*")]
    while position > end {
      let key = values.keys[position - 1].bytes
      if matchesAll || GlobPattern.matches(pattern, key) {
        room -= key.count + 4
        // A page has at least one key, so that every scan makes progress.
        guard room >= 0 || keys.isEmpty else { break }
        keys.append(key)
      }
      position -= 1
    }
    return .page(next: UInt64(position), keys: keys)
  }

  /// The values of keys with consecutive numbers, up to the first one for which the answer has no
  /// room.
  func consecutive(_ names: KeyNames, from first: UInt64, _ count: UInt32) -> Response {
    var found: [Response] = []
    found.reserveCapacity(Int(count))
    var room = Self.maximumAnswerByteCount
    for number in first..<first + UInt64(count) {
      let response = Response.value(values[names[Int(number)]])
      room -= response.valueByteCount
      guard room >= 0 || found.isEmpty else { break }
      found.append(response)
    }
    return .sequence(found)
  }
}
