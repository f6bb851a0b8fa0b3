SELECT resource_key FROM omop.event_source WHERE cdm_table = %(table)s AND cdm_id = %(row_id)s
