import Primitives
import WireFormat

/// A walk over the entries of a table as they were when it began, while the table changes: an entry
/// that is about to change is put aside if the walk has not reached it.
///
/// Values are shared with the table until then, so that beginning costs one flag per entry and no
/// copy.
struct TableReadout: Sendable {
  /// The position that the walk has reached.
  var cursor = 0
  /// The number of entries at the beginning.
  let end: Int
  /// Whether a position holds an entry written after the beginning.
  private var isFresh: [Bool]
  private var putAside: [(key: Key, value: [UInt8])] = []

  init(count: Int) {
    end = count
    isFresh = Array(repeating: false, count: count)
  }

  /// Whether the entry at a position belongs to the walk and has not been written yet.
  private func isDue(_ position: Int) -> Bool {
    position >= cursor && position < end && !isFresh[position]
  }

  mutating func willChange(_ position: Int, in table: borrowing FlatTable<Key, [UInt8]>) {
    guard isDue(position) else { return }
    putAside.append((table.keys[position], table.values[position]))
    isFresh[position] = true
  }

  /// Called before an entry is added at the end.
  mutating func willAdd(to table: borrowing FlatTable<Key, [UInt8]>) {
    if table.count < end { isFresh[table.count] = true }
  }

  /// Called before an entry is removed: the last one of the table takes its place.
  mutating func willRemove(_ position: Int, from table: borrowing FlatTable<Key, [UInt8]>) {
    willChange(position, in: table)
    let last = table.count - 1
    guard position != last, position < end else { return }
    if isDue(last) {
      if position < cursor { willChange(last, in: table) } else { isFresh[position] = false }
    } else {
      isFresh[position] = true
    }
  }

  /// Called before all entries are removed.
  mutating func willClear(_ table: borrowing FlatTable<Key, [UInt8]>) {
    for position in cursor..<max(cursor, min(end, table.count)) {
      willChange(position, in: table)
    }
    cursor = end
  }

  /// Writes the next entries, about `byteCount` bytes of them.
  /// - Returns: whether there were any.
  mutating func write(
    atMost byteCount: Int, of table: borrowing FlatTable<Key, [UInt8]>,
    into writer: inout WireWriter
  ) -> Bool {
    let start = writer.count
    while writer.count - start < byteCount, let (key, value) = putAside.popLast() {
      writer.writeCounted(key.bytes)
      writer.writeCounted(value)
    }
    // If much has changed, many positions are skipped; that is work, too, so steps are limited.
    var steps = 0
    while writer.count - start < byteCount, steps < 65_536, cursor < min(end, table.count) {
      steps += 1
      if !isFresh[cursor] {
        writer.writeCounted(table.keys[cursor].bytes)
        writer.writeCounted(table.values[cursor])
      }
      cursor += 1
    }
    return !putAside.isEmpty || cursor < min(end, table.count) || writer.count > start
  }
}

extension KeyValueStore {
  public static var readsOutInParts: Bool { true }

  public mutating func beginReadout() {
    readout = TableReadout(count: values.count)
    isReadOut = true
  }

  public mutating func readOut(atMost byteCount: Int) -> [UInt8]? {
    guard isReadOut else { return nil }
    var writer = WireWriter()
    writer.reserve(byteCount + 4096)
    guard readout.write(atMost: byteCount, of: values, into: &writer) else {
      readout = TableReadout(count: 0)
      isReadOut = false
      return nil
    }
    return writer.bytes()
  }

  public mutating func restore(readingOut reader: inout WireReader) throws(WireError) {
    while !reader.isAtEnd {
      let key = Key(try reader.readCounted())
      values.set(key, to: try reader.readCounted())
    }
  }

  // Every change of the table is announced to the readout first.

  @inline(__always)
  mutating func willChange(_ position: Int) {
    if isReadOut { readout.willChange(position, in: values) }
  }

  @inline(__always)
  mutating func willSet(_ key: Key) {
    guard isReadOut else { return }
    if let position = values.position(of: key) {
      readout.willChange(position, in: values)
    } else {
      readout.willAdd(to: values)
    }
  }

  mutating func willClear() {
    if isReadOut { readout.willClear(values) }
  }

  @inline(__always)
  mutating func willRemove(_ key: Key) {
    guard isReadOut, let position = values.position(of: key) else { return }
    readout.willRemove(position, from: values)
  }
}
