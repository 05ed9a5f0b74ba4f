"""What is wrong with a sheet, in Chinese: one table beside the English messages, which are said where they are found.

A line is a message, with `{name}` for what differs, and the same in Chinese. `{rest}` is itself a message that stands within
another. What the table does not know is told in English; the tests look that it knows what people meet.
"""

from __future__ import annotations

import re
from functools import cache

_TABLE = """
at character {n}: {rest} | 第 {n} 个字符: {rest}
{cell}: {rest} | {cell}: {rest}
a field's name {rest} | 字段名{rest}

{name} is missing; add it, for example {example} | 缺少 {name}; 请补上, 例如 {example}
{name} is missing; add it | 缺少 {name}; 请补上
{name} is not a field here; did you mean {other}? | 这里没有字段 {name}; 是不是 {other}?
{name} is not a field here; known are {known} | 这里没有字段 {name}; 可用的有 {known}
{name} is not a column here; did you mean {other}? | 这里没有列 {name}; 是不是 {other}?
{name} is not a column here; known are {known} | 这里没有列 {name}; 可用的有 {known}
{name} must be text; if it is meant so, put it in quotes, not {given} | {name} 应是文字, 不是 {given}; 如果就是这个意思, 请加引号
{name} must be a list, not {given} | {name} 应是一个列表, 不是 {given}
{name} must be a mapping of fields, not {given} | {name} 应是一组字段, 不是 {given}
{name} must be a whole number, without quotes, not {given} | {name} 应是整数, 不加引号, 不是 {given}
{name} must be true or false, not {given} | {name} 应是 true 或 false, 不是 {given}
{given} is not one of {known}; write one of them | {given} 不在 {known} 之中; 请写其中一个
{name} must be at least {least}, not {given} | {name} 至少 {least}, 不能是 {given}
{name} must be at most {most}, not {given} | {name} 最多 {most}, 不能是 {given}
{name} must not be empty; write it or remove the field | {name} 不能为空; 请填写, 或删掉这个字段
{name} is longer than {most} characters; shorten it | {name} 超过 {most} 个字符; 请缩短
{name} has more than {most} entries; remove some | {name} 超过 {most} 项; 请删掉一些
{given} is no currency; write its ISO 4217 code, for example CNY | {given} 不是币种; 请写 ISO 4217 代码, 例如 CNY
{name}: {what}; compare it with the sheet that `dropcue sheet new flash` prints | {name}: {what}; 请对照 `dropcue sheet new flash` 给出的脚本
and {n} more faults; mend these first | 另有 {n} 处错误; 请先改这些
the sheet is empty; `dropcue sheet new flash` prints one to begin with | 脚本是空的; `dropcue sheet new flash` 会给出一份现成的
a sheet is a mapping that begins with title:, not a list or a single value | 脚本是一组字段, 以 title: 开头, 不是列表或单个值

an id is text; write it in quotes: {id} | 编号是文字; 请加引号: {id}
{id} is no id; use 1 to 64 letters, digits, - _ or . and begin with a letter or digit | {id} 不能作编号; 请用 1 到 64 个字母、数字、- _ 或 . , 以字母或数字开头
the id {id} is already that of {other}; give this one another | 编号 {id} 已是 {other} 的; 请换一个
the id {id} already stands under {other}; give this one another | 编号 {id} 已在 {other} 下用过; 请换一个
ids such as {id} are kept for cues that are made in the show; choose another | {id} 这样的编号留给开播中新加的节点; 请换一个
{person} stands twice as {role}; remove one | {person} 作为 {role} 出现了两次; 请删掉一个
there is no rule set {name}; known are {known} | 没有规则集 {name}; 现有 {known}
there is no group {id}; add it under groups, or name another | 没有群 {id}; 请加到 groups, 或换一个
there is no product {id}; add it under products, or name another | 没有商品 {id}; 请加到 products, 或换一个
there is no coupon {id}; add it under coupons, or name another | 没有优惠券 {id}; 请加到 coupons, 或换一个
there is no link {id}; add it under links, or name another | 没有链接 {id}; 请加到 links, 或换一个
there is no {what} {id}; add it under {where}, or name another | 没有 {what} {id}; 请加到 {where}, 或换一个

a length of time is written with its unit, for example 90s or 10m | 时长要带单位, 例如 90s 或 10m
must be longer than nothing, for example 10m | 必须大于零, 例如 10m
a time is text, for example +90s, start, end +20s, 20:00 or D-1 08:00 | 时间是文字, 例如 +90s、start、end +20s、20:00 或 D-1 08:00
the start is a date and time, for example 2026-11-11 20:00 | 开始是日期和时间, 例如 2026-11-11 20:00
a day is text, for example 2026-10-31 | 日期是文字, 例如 2026-10-31
a time zone is text, for example Asia/Shanghai | 时区是文字, 例如 Asia/Shanghai
{zone} is no time zone; write its IANA name, for example Asia/Shanghai | {zone} 不是时区; 请写 IANA 名称, 例如 Asia/Shanghai
{text} is no length of time; write for example 90s, 8m, 1h30m or 2500ms | {text} 不是时长; 例如写 90s、8m、1h30m 或 2500ms
{text} is not a whole number of milliseconds; write for example 2500ms | {text} 不是整数毫秒; 例如写 2500ms
{text} is longer than a year; write a shorter time | {text} 超过一年; 请写短一些
{text} is no time of a day ({why}); write for example {example} | {text} 不是一天中的时刻; 例如写 {example}
{text} is no time; write for example {example} | {text} 不是时间; 例如写 {example}
{text} is no day; write it like 2026-10-31 | {text} 不是日期; 写成 2026-10-31 这样
{text} is no date and time ({why}); write for example {example} | {text} 不是日期和时间; 例如写 {example}
{text} is no date and time; write for example {example} | {text} 不是日期和时间; 例如写 {example}
the year must be between 2000 and 2100 | 年份须在 2000 到 2100 之间
quiet hours are written 22:00-08:00, or none | 免打扰时段写成 22:00-08:00, 或 none
quiet hours begin and end at the same time; write none, or two times | 免打扰时段的起止相同; 请写 none, 或两个时间

money is written like "129.00" | 金额写成 "129.00" 这样
this number is not exact; write it in quotes, like "129.00" | 这个数不精确; 请加引号, 如 "129.00"
{text} is not an amount of {currency}; write it like {example}, without sign or symbol | {text} 不是 {currency} 金额; 写成 {example} 这样, 不带正负号、货币符号或「元」
{text} has {n} digits behind the point, {currency} has {digits}; write it like {example} | {text} 小数点后有 {n} 位, {currency} 只有 {digits} 位; 写成 {example} 这样
{text} is too much for one piece; write an amount from "0" to "{most}" {currency} | {text} 作单价太大; 请写 0 到 {most} {currency} 之间的金额
percent is a percentage taken off, more than 0 and at most 100, such as 20 or "12.5%", or what is paid, such as "8折" | percent 是减去的百分比, 大于 0, 至多 100, 如 20 或 "12.5%"; 或写实付, 如 "8折"
{text} is no percentage; write {example} | {text} 不是折扣; 写减去的百分比, 如 20 或 "12.5%", 或写实付, 如 "8折"
{text} takes off nothing, or more than all; write {example} | {text} 等于不减, 或减过了头; 写减去的百分比, 如 20 或 "12.5%", 或写实付, 如 "8折"
an address is text, for example https://shop.example/pan | 网址是文字, 例如 https://shop.example/pan
{text} is no web address; write it whole, for example https://shop.example/pan | {text} 不是网址; 请写完整, 例如 https://shop.example/pan
an address must not carry a name or password before @; take them out | 网址在 @ 前不能带用户名或密码; 请去掉

groups are a selector such as all or tier:vip, or a list of group ids | groups 是选择器, 如 all 或 tier:vip, 或群编号的列表
{what}; a selector is made of {known} and brackets | {what}; 选择器由 {known} 和括号组成
this bracket was never opened; remove it or open one before | 这个括号没有开头; 请删掉, 或在前面补上
this bracket is never closed; add ) | 这个括号没有结尾; 请补 )
write & or {or} before {text} | 请在 {text} 前写 & 或 {or}
more than {n} brackets within each other; write it flatter | 括号套了超过 {n} 层; 请写简单些
something is missing here; write one of {known} | 这里缺东西; 请写 {known} 之一
expected one of {known} here, not {text} | 这里应是 {known} 之一, 不是 {text}
{key} is no selector; write one of {known}, or group:{id} for one group | {key} 不是选择器; 请写 {known} 之一; 指一个群写 group:{id}
{key} is not known; write one of {known} | 没有 {key}; 请写 {known} 之一
{key}: has no value; write one behind it | {key}: 后面缺值; 请补上
a selector is text such as all or tier:vip | 选择器是文字, 如 all 或 tier:vip
longer than {n} characters; give the groups as a list of ids | 超过 {n} 个字符; 请改用群编号的列表

late is written like: skip after 30s, fire within 5m, or ask after 30s | late 写成: skip after 30s、fire within 5m 或 ask after 30s
{text} is no rule; write: skip after 30s, fire within 5m, or ask after 30s | {text} 不是迟到规则; 请写 skip after 30s、fire within 5m 或 ask after 30s
a choice has at least two options, scale and text have none | 选择题至少两个选项, 打分和文字题没有选项
the options must differ | 选项不能重复

a coupon has no end to count from; write an offset from the show such as +30m, or a time: 21:00 | 优惠券没有可数的结束; 请写距开场的时间如 +30m, 或时刻如 21:00
a link has no end to count from; write an offset from the show such as +30m, or a time: 21:00 | 链接没有可数的结束; 请写距开场的时间如 +30m, 或时刻如 21:00
a segment has no end to count from; leave out at to follow the one before, or write -10m or 20:00 | 环节没有可数的结束; 不写 at 就接着前一个, 或写 -10m、20:00
a {kind} coupon needs {name}, {example} | {kind} 券需要 {name}, {example}
{name} is nothing; a {kind} coupon needs {example} | {name} 是零; {kind} 券需要 {example}
a {kind} coupon has no {name}; it takes {known} | {kind} 券没有 {name}; 可写 {known}
a {kind} coupon is the price of one product; make a coupon for each | {kind} 券只是一个商品的价; 请每个商品一张
a deposit is worth more than what is paid for it; raise worth, or lower pay | 定金抵的要多于付的; 提高 worth, 或降低 pay
a paid coupon takes off more than it costs; raise off, or lower pay | 付费券减的要多于它的价; 提高 off, 或降低 pay
{n} members cannot share it, each is to get something; raise pool or lower quantity | {n} 人分不了, 每人都要有; 提高 pool, 或减少 quantity
a keyword brings one thing: remove {names} | 一个关键词只带来一样; 请删掉 {names}
the keyword brings nothing; add coupon:, link:, product: or text: | 这个关键词什么也不带来; 请加 coupon:、link:、product: 或 text:
the product {id} has no address to drop; add url to it | 商品 {id} 没有网址可发; 请给它加 url
the clocks follow each other: acknowledge is shorter than warn, and warn than breach | 三个时限要递增: acknowledge 短于 warn, warn 短于 breach
a golden hour begins at a clock time or from the show's start; write 20:00 or -10m | 黄金时段从某时刻或开场算起; 请写 20:00 或 -10m
it has fewer than {n} minutes; make it longer, or ask for fewer | 它不到 {n} 分钟; 请加长, 或少要几分钟
a phrase is about a product or a coupon; remove one | 一条话术只讲商品或优惠券之一; 请删掉一个

a cue has either at or when; remove one | 节点只能有 at 或 when 之一; 请删掉一个
the cue says neither at nor when; add one, for example at: start | 节点没写 at 也没写 when; 请加一个, 例如 at: start
again after belongs to a cue with when; remove it | again after 只用于有 when 的节点; 请删掉
the cue does nothing; add do: link.drop, prompt: host, or task: cheer | 节点什么也不做; 请加 do: link.drop、prompt: host 或 task: cheer
a cue has one of do, prompt and task; make it two cues | 节点只能有 do、prompt、task 之一; 请拆成两个节点
{kind} is not something a cue can do in this version; known are {known} | 节点做不了 {kind}; 可用的有 {known}
{kind} has no text; add text: … | {kind} 没有文案; 请加 text: …
only a task has several wordings; give {kind} one text | 只有任务可以有多种说法; {kind} 请只写一条文案
prompt.send needs to, a role or a person; add for example to: host | prompt.send 需要 to, 角色或人员; 例如 to: host
prompt: already says to whom; remove to | prompt: 已写明给谁; 请删掉 to
task.assign needs who, a role or a person; add for example who: cheer | task.assign 需要 who, 角色或人员; 例如 who: cheer
task: already says for whom; remove who | task: 已写明给谁; 请删掉 who
{kind} needs a product, and the segment has none; add product: | {kind} 需要商品, 环节里没有; 请加 product:
{kind} needs a link or a product, and the segment has none; add link: or product: | {kind} 需要链接或商品, 环节里没有; 请加 link: 或 product:
{kind} takes either a link or a product; remove one | {kind} 只能有链接或商品之一; 请删掉一个
{kind} needs a {name}; add {field}: and the id of one under {where} | {kind} 需要 {name}; 请加 {field}: 和 {where} 下的一个编号
{kind} needs {name}; add {field}: | {kind} 需要 {name}; 请加 {field}:
a chain has at most {n} members; five is usual | 接龙最多 {n} 人; 通常 5 人
a chain unlocks either a coupon or a price; write {coupon} or {price} | 接龙只解锁优惠券或价格之一; 请写 {coupon} 或 {price}
the prizes are {n} in all, quantity says {m}; make them equal or leave quantity out | 奖品共 {n} 份, quantity 写的是 {m}; 请改成一致, 或不写 quantity
the prize is nothing; add name: or coupon: | 这个奖品是空的; 请加 name: 或 coupon:
a draw gives at most {n} coupons, these are {m}; make it two draws | 一次抽奖最多发 {n} 张券, 这里是 {m} 张; 请分成两次

the sheet is larger than 1 MB; split the sale, or name groups by tags instead of texts | 脚本超过 1 MB; 请拆成几场, 或用标签指群
the file is not UTF-8 text; save it as UTF-8 (not GBK) and try again | 文件不是 UTF-8 文本; 请另存为 UTF-8 (不是 GBK) 再试
the sheet has more than {n} values; split the sale | 脚本超过 {n} 个值; 请拆成几场
the sheet has more than {n} values when its aliases are written out; use fewer | 展开别名后脚本超过 {n} 个值; 请少用别名
nested more than {n} deep; a sheet needs 6 | 嵌套超过 {n} 层; 脚本只需 6 层
the name of a field must be text, not {name}; put it in quotes | 字段名应是文字, 不是 {name}; 请加引号
the name of a field must be text | 字段名应是文字
is not a number that can be used; write one such as 129.00 | 这个数不能用; 请写 129.00 这样的数
the number is too large; put it in quotes if it is a text | 数太大; 如果是文字, 请加引号
the number is too long; put it in quotes if it is a text | 数太长; 如果是文字, 请加引号
a {type} cannot stand in a sheet; write text, a number, a list or a mapping | 脚本里不能有 {type}; 请写文字、数、列表或一组字段
a second document begins here (---); a file holds one sheet | 这里开始了第二份文档 (---); 一个文件只放一份脚本
the alias {name} names nothing that stands complete before it | 别名 {name} 前面没有完整的内容
the tag {tag} cannot be used; write plain text, numbers, lists and mappings | 不能用标签 {tag}; 请写普通文字、数、列表和字段
cannot be read; compare the line with the example in the documentation | 读不懂这一行; 请对照文档里的例子
merging with << is not YAML 1.2; write the fields out | YAML 1.2 没有 << 合并; 请把字段写出来
{key} stands twice in the same mapping; remove one | {key} 在同一组字段里出现两次; 请删掉一个
{key} stands twice in the same object; remove one | {key} 在同一个对象里出现两次; 请删掉一个
this is not YAML ({problem}); check quotes, brackets and indentation here | 这不是 YAML ({problem}); 请检查这里的引号、括号和缩进
this is not YAML; it holds characters that a text file has not | 这不是 YAML; 里面有文本文件不该有的字符
this is not JSON ({problem}); check quotes, commas and brackets here | 这不是 JSON ({problem}); 请检查这里的引号、逗号和括号
holds the control character {code}; take it out | 含控制字符 {code}; 请去掉
holds half of a character ({code}); type the emoji or character again | 含半个字符 ({code}); 请重新输入这个表情或字
holds {code}, which is no character; take it out | 含 {code}, 它不是字符; 请去掉

this workbook has a password, or is an old .xls; save it as .xlsx without a password | 工作簿有密码, 或是旧的 .xls; 请另存为没有密码的 .xlsx
this workbook has a password; save it without one | 工作簿有密码; 请去掉密码再存
the workbook is larger than 5 MB; take out pictures and tabs that are no part of the sheet | 工作簿超过 5 MB; 请去掉图片和与脚本无关的页
the workbook holds {n} parts, more than any sheet needs; save it anew | 工作簿有 {n} 个部分, 超出脚本所需; 请重新保存
this is an archive, but no workbook; save the sheet as .xlsx | 这是压缩包, 不是工作簿; 请把脚本存为 .xlsx
the workbook unpacks to more than {n} MB; copy the cells that are filled in into a new workbook | 工作簿解开超过 {n} MB; 请把填了的单元格复制到新工作簿
this is no .xlsx workbook, or it is damaged; open it and save it anew as .xlsx | 这不是 .xlsx 工作簿, 或已损坏; 请打开后重新存为 .xlsx
this .xlsx workbook is damaged; open it and save it anew | 这个 .xlsx 工作簿已损坏; 请打开后重新保存
the workbook cannot be read ({why}); open it and save it anew as .xlsx | 工作簿读不了 ({why}); 请打开后重新存为 .xlsx
the workbook cannot be read; open it and save it anew as .xlsx | 工作簿读不了; 请打开后重新存为 .xlsx
the workbook has none of the tabs of a sheet: {names}; `dropcue sheet new flash -o sheet.xlsx` makes one | 工作簿里没有脚本的任何一页: {names}; `dropcue sheet new flash -o sheet.xlsx` 可新建一份
cell {at} holds a formula; copy it and paste its value there ({n} cells hold one) | 单元格 {at} 是公式; 请复制后只粘贴数值 (共 {n} 处)
cell {at} holds a formula; copy it and paste its value there | 单元格 {at} 是公式; 请复制后只粘贴数值
the tab {name} stands twice, as {other}; remove one | 页 {name} 出现两次, 另一个是 {other}; 请删掉一个
the tab {name} has more than {rows} rows or {columns} columns; delete the empty ones, or split the sale | 页 {name} 超过 {rows} 行或 {columns} 列; 请删掉空行空列, 或拆成几场
{where} are merged cells; unmerge them and write the value in each row | {where} 是合并单元格; 请取消合并, 每行都填值
the column {name} stands twice; remove one | 列 {name} 出现两次; 请删掉一个
{name} stands twice; remove one | {name} 出现两次; 请删掉一个
there is no segment {id}; known are {known} | 没有环节 {id}; 现有 {known}
which segment is it of? | 它属于哪个环节?
there is a segment {id} already; give this one another id | 已有环节 {id}; 请换一个编号
{text} is neither 是 (true) nor 否 (false) | {text} 既不是「是」也不是「否」
this cell holds a list or mapping, written as JSON, such as [{example}] | 这个单元格放 JSON 写的列表或字段, 如 [{example}]
this is not JSON; check quotes, commas and brackets | 这不是 JSON; 请检查引号、逗号和括号
{text} is no whole number; write it in figures, without a unit | {text} 不是整数; 请写数字, 不带单位

expected {wanted} here, but the text ends | 这里应是 {wanted}, 但条件到此为止
expected {wanted} here, not {given} | 这里应是 {wanted}, 不是 {given}
expected {wanted} here | 这里应是 {wanted}
expected {wanted} behind {word} | {word} 后面应是 {wanted}
nothing has {name} to compare | 没有什么有 {name} 可比
several things have {name}; write one of {ways} | 好几样都有 {name}; 请写 {ways} 之一
it needs an id: write {example} | 需要编号: 请写 {example}
a {word} has no {name} to compare; write one of {known} | {word} 没有 {name} 可比; 请写 {known} 之一
{text} is no whole number, no figure and nothing else that can be read; write {known} | {text} 不是整数, 也不是可读的数; 请写 {known}
this cannot be read | 这里读不懂
"""


@cache
def _lines() -> tuple[tuple[re.Pattern[str], str], ...]:
    made = []
    for line in _TABLE.splitlines():
        english, _, zh = line.partition(" | ")
        if zh:
            parts = re.split(r"(\{[a-z]+\})", english.strip())
            pattern = "".join(f"(?P<{p[1:-1]}>.+?)" if re.fullmatch(r"\{[a-z]+\}", p) else re.escape(p) for p in parts)
            made.append((re.compile(pattern, re.DOTALL), zh.strip()))
    # What is fixed goes before what may hold anything: `X: …` would be all of them.
    nested = [each for each in made if "{rest}" in each[1]]
    return (*(each for each in made if "{rest}" not in each[1]), *nested)


def _filled(zh: str, values: dict[str, str]) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda m: values[m[1]], zh)


def chinese(message: str) -> str:
    """The message in Chinese; empty where the table has none."""
    for pattern, zh in _lines():
        found = pattern.fullmatch(message)
        if found is None:
            continue
        values = found.groupdict()
        if "rest" in values:
            rest = chinese(values["rest"])
            if not rest:
                continue
            values["rest"] = rest
        return _filled(zh, values)
    return ""
