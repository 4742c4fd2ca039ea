{#-
    Made from pipelines/landing/feeds/counters.py by `python -m pipelines.warehouse.counters`; edit there.

    The columns of one vendor's period in canonical names and units: decimals, so that their sums are exact whatever
    the order of the rows. What is beyond fifteen digits was not measured, and an optional feed must not stop the
    night: it is NULL.
-#}
{% macro pm_period(vendor) -%}
    {%- set cell, start, minutes, measured = {
        'ericsson': ('EUtranCellId', 'ropStart', 15, [
            ('pmRrcConnEstabAtt', 1, 'rrc_attempts'),
            ('pmRrcConnEstabSucc', 1, 'rrc_successes'),
            ('pmErabEstabAttInit', 1, 'bearer_attempts'),
            ('pmErabEstabSuccInit', 1, 'bearer_successes'),
            ('pmErabRelAll', 1, 'bearer_releases'),
            ('pmErabRelAbnormalEnbAct', 1, 'bearer_abnormal_releases'),
            ('pmPdcpVolDlDrb', 1, 'dl_volume_kbit'),
            ('pmUeThpTimeDl', 1, 'dl_active_ms'),
            ('pmPdcpLatTimeDl', 1, 'dl_delay_ms_sum'),
            ('pmPdcpLatPktTransDl', 1, 'dl_delay_packets'),
            ('pmCellDowntimeAuto', 1, 'unavailable_s'),
            ('pmPrbUsedDlSum', 1, 'prb_used'),
            ('pmPrbAvailDlSum', 1, 'prb_available'),
        ]),
        'nokia': ('LNCEL_ID', 'PERIOD_START_TIME', 60, [
            ('SIGN_CONN_ESTAB_ATT', 1, 'rrc_attempts'),
            ('SIGN_CONN_ESTAB_COMP', 1, 'rrc_successes'),
            ('EPS_BEARER_SETUP_ATTEMPTS', 1, 'bearer_attempts'),
            ('EPS_BEARER_SETUP_COMPLETIONS', 1, 'bearer_successes'),
            ('ERAB_REL_TOTAL', 1, 'bearer_releases'),
            ('ERAB_REL_ABNORMAL_ACT', 1, 'bearer_abnormal_releases'),
            ('PDCP_SDU_VOL_DL', 8, 'dl_volume_kbit'),
            ('ACTIVE_TTI_DL', 1, 'dl_active_ms'),
            ('PDCP_SDU_DELAY_DL_SUM', 0.001, 'dl_delay_ms_sum'),
            ('PDCP_SDU_DELAY_DL_NUM', 1, 'dl_delay_packets'),
            ('CELL_UNAVAIL_SAMPLES', 10, 'unavailable_s'),
            ('PRB_USED_PDSCH', 1, 'prb_used'),
            ('PRB_AVAIL_PDSCH', 1, 'prb_available'),
        ]),
        'huawei': ('Cell ID', 'Result Time', 30, [
            ('L.RRC.ConnReq.Att', 1, 'rrc_attempts'),
            ('L.RRC.ConnReq.Succ', 1, 'rrc_successes'),
            ('L.E-RAB.AttEst', 1, 'bearer_attempts'),
            ('L.E-RAB.SuccEst', 1, 'bearer_successes'),
            ('L.E-RAB.Rel.All', 1, 'bearer_releases'),
            ('L.E-RAB.AbnormRel', 1, 'bearer_abnormal_releases'),
            ('L.Thrp.bits.DL', 0.001, 'dl_volume_kbit'),
            ('L.Thrp.Time.DL', 1, 'dl_active_ms'),
            ('L.Traffic.DL.PktDelay.Time', 1, 'dl_delay_ms_sum'),
            ('L.Traffic.DL.PktDelay.Num', 1, 'dl_delay_packets'),
            ('L.Cell.Unavail.Dur.Sys', 1, 'unavailable_s'),
            ('L.ChMeas.PRB.DL.Used', 1, 'prb_used'),
            ('L.ChMeas.PRB.DL.Avail', 1, 'prb_available'),
        ]),
        'samsung': ('cell_num', 'period_begin', 15, [
            ('ConnEstabAtt', 1, 'rrc_attempts'),
            ('ConnEstabSucc', 1, 'rrc_successes'),
            ('ErabInitEstabAtt', 1, 'bearer_attempts'),
            ('ErabInitEstabSucc', 1, 'bearer_successes'),
            ('ErabRelease', 1, 'bearer_releases'),
            ('ErabReleaseActAbnormal', 1, 'bearer_abnormal_releases'),
            ('AirMacDlMByte', 8000, 'dl_volume_kbit'),
            ('DlActiveTime', 1000, 'dl_active_ms'),
            ('PdcpDelayDlTot', 0.001, 'dl_delay_ms_sum'),
            ('PdcpDelayDlCnt', 1, 'dl_delay_packets'),
            ('CellUnavailableTime', 60, 'unavailable_s'),
            ('TotPrbDl', 1, 'prb_used'),
            ('AvailPrbDl', 1, 'prb_available'),
        ]),
    }[vendor] -%}
    '{{ vendor }}' as vendor,
        counters."{{ cell }}" as cell_id,
        counters."{{ start }}" as period_start_at,
        {{ minutes }} as period_minutes,
    {%- for counter, factor, measurement in measured %}
        try_cast(counters."{{ counter }}" * {{ factor }} as decimal(18, 3)) as {{ measurement }}
        {{- "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
